"""The comparison in MLflow: a run with the table and the pictures, and on every system's run which system it is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException

from components.compare.compare import MARKDOWN, PAGE, PAIRS, PICTURES, PLAN, SUMMARY, SYSTEMS, TABLE
from components.core.data.metric_names import METRICS
from components.core.models.bundle import load_model
from components.core.models.mlflow_model import logged_model
from components.core.tracking import mlflow_runs, provenance

RUN = "comparison"

_SECTION = "\n\n## "
_NOTE_CHARACTERS = 8000  # of a tag, at most, in MLflow

_COSTS = (
    "weights",
    "multiply-adds a second",
    "times real time",
    "times real time, fast",
    "peak memory",
    "size",
    "training seconds",
)


def runs_of(folder: Path) -> dict[str, mlflow_runs.RunRef]:
    """Return the MLflow run of every system in `folder`/systems that was scored: of its training, if any."""
    return {
        path.parent.name: mlflow_runs.RunRef.read(path.parent)
        for path in sorted((folder / SYSTEMS).glob(f"*/{mlflow_runs.RunRef.FILE}"))
        if (path.parent / "evaluate" / "test.json").is_file()
    }


def training_seconds(client: mlflow.MlflowClient, runs: Mapping[str, mlflow_runs.RunRef]) -> dict[str, float]:
    """Return how long each was trained, where its run says so."""
    seconds = {}
    for name, run in runs.items():
        try:
            metrics = client.get_run(run.run_id).data.metrics
        except MlflowException:
            continue  # trained against another store
        if "train/seconds" in metrics:
            seconds[name] = float(metrics["train/seconds"])
    return seconds


def log_comparison(
    client: mlflow.MlflowClient, folder: Path, runs: Mapping[str, mlflow_runs.RunRef]
) -> mlflow_runs.RunRef:
    """Log what lies in `folder` as a run, and tag the trainings with their system; return the run."""
    created = client.create_run(mlflow_runs.experiment_id(client), run_name=RUN)
    run = mlflow_runs.RunRef(run_id=created.info.run_id)
    table = pd.read_csv(folder / TABLE)
    summary: dict[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    mlflow_runs.set_tags(client, run, _tags(summary))
    client.set_tag(run.run_id, "mlflow.note.content", _note((folder / MARKDOWN).read_text(encoding="utf-8")))
    mlflow_runs.log_metrics(client, run, _best(table, summary))
    with mlflow_runs.active_run(run):
        mlflow.log_table(table.astype(object).where(table.notna(), None), "comparison.json")
    plan = [PLAN] if (folder / PLAN).is_file() else []
    for name in (TABLE, PAIRS, MARKDOWN, PAGE, SUMMARY, *plan):
        client.log_artifact(run.run_id, str(folder / name))
    client.log_artifacts(run.run_id, str(folder / PICTURES), PICTURES)
    for name, training in runs.items():
        _tag_training(client, training, run, folder / SYSTEMS / name / "model", table)
    client.set_terminated(run.run_id)
    return run


def _note(page: str) -> str:
    """Return the page's first sections, so many as MLflow takes for a run's description, which its UI shows at once."""
    note, *sections = page.split(_SECTION)
    for section in sections:
        if len(note) + len(_SECTION) + len(section) > _NOTE_CHARACTERS:
            break
        note += _SECTION + section
    return note


def _tags(summary: Mapping[str, Any]) -> dict[str, object]:
    test = summary["test"]
    return {
        "stage": "compare",
        "systems": " ".join(summary["systems"]),
        "pretrained": " ".join(summary["pretrained"]),
        "others": "; ".join(f"{name}: {scores}" for name, scores in summary["others"].items()),
        "dataset": " + ".join(test.get("datasets", [])),
        "test_digest": test.get("digest", "unknown"),
        "scorer": test.get("scorer", "unknown"),
        "git_commit": provenance.git_commit(),
        "machine": provenance.hardware(),
        **{f"best.{target}": system for target, system in summary["best"].items() if system},
    }


def _best(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, float]:
    """Return the best SDR of every target, to compare comparisons by."""
    by_name = table.set_index("system")
    return {
        f"best/{target}/SDR": float(by_name[f"{target} SDR"][system])
        for target, system in summary["best"].items()
        if system
    }


def _tag_training(
    client: mlflow.MlflowClient,
    training: mlflow_runs.RunRef,
    run: mlflow_runs.RunRef,
    folder: Path,
    table: pd.DataFrame,
) -> None:
    """Give a training's run its system as a tag, and the model in `folder` with its scores and costs as metrics.

    So MLflow's charts can set costs against scores, and its models can be searched by either.
    """
    name = folder.parent.name
    row: Any = table[table["system"] == name].iloc[0]
    costs = {f"cost/{cost.replace(',', '')}": float(row[cost]) for cost in _COSTS if pd.notna(row[cost])}
    scores = {
        f"test/{column.replace(' ', '/')}": float(row[column])
        for column in map(str, table)
        if column.split(" ")[-1] in METRICS and pd.notna(row[column])
    }
    try:
        client.get_run(training.run_id)
    except MlflowException:
        return  # trained against another store
    # of the scores that lie here: DVC may have kept them while the run was given those of other tracks
    test = json.loads((folder.parent / "evaluate" / "test.json").read_text(encoding="utf-8"))
    scored = {"evaluate.test_digest": test.get("digest", "unknown"), "evaluate.test_tracks": len(test["tracks"])}
    mlflow_runs.set_tags(client, training, {"system": name, "comparison": run.run_id, **scored})
    if folder.is_dir():
        logged = logged_model(client, training, folder, load_model(folder))
        mlflow.log_metrics({**scores, **costs}, run_id=training.run_id, model_id=logged.model_id)
