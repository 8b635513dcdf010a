"""The comparison in MLflow: a run with its tables and pictures, and tags and metrics on the run of every system."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException

from components.compare.systems.records import COSTS
from components.core.data import artifacts
from components.core.data.comparison_documents import ComparisonSummary
from components.core.data.evaluation import Evaluation
from components.core.data.score_tables import METRICS
from components.core.models.mlflow_model import log_model
from components.core.models.model_folder import load_model
from components.core.tracking import mlflow_runs, provenance
from components.core.tracking.mlflow_runs import RunRef

RUN = "comparison"

_SECTION = "\n\n## "
_LONGEST_NOTE = 8000  # characters of a tag that MLflow accepts
_FILES = (
    artifacts.COMPARISON, artifacts.PAIRS, artifacts.COMPARISON_TEXT, artifacts.COMPARISON_PAGE,
    artifacts.COMPARISON_SUMMARY, artifacts.COMPARISON_PLAN,
)  # fmt: skip


def find_runs(folder: Path) -> dict[str, RunRef]:
    """Return the MLflow run of every scored system in `folder`/systems."""
    systems = artifacts.COMPARED_SYSTEMS.within(folder)
    return {
        path.parent.name: RunRef.read(path.parent)
        for path in sorted(systems.glob(f"*/{RunRef.FILE}"))
        if artifacts.TEST.below(path.parent).is_file()
    }


def training_seconds(client: mlflow.MlflowClient, runs: Mapping[str, RunRef]) -> dict[str, float]:
    """Return the training time, in seconds, of every system whose run has this metric."""
    seconds = {}
    for name, run in runs.items():
        try:
            metrics = client.get_run(run.run_id).data.metrics
        except MlflowException:
            continue  # trained against another store
        if "train/seconds" in metrics:
            seconds[name] = float(metrics["train/seconds"])
    return seconds


def log_comparison(client: mlflow.MlflowClient, folder: Path, runs: Mapping[str, RunRef]) -> RunRef:
    """Log the comparison in `folder` as a run, and tag the runs of its systems; return the run."""
    created = client.create_run(mlflow_runs.experiment_id(client), run_name=RUN)
    run = RunRef(run_id=created.info.run_id)
    table = pd.read_csv(artifacts.COMPARISON.within(folder))
    summary = ComparisonSummary.read(folder)
    mlflow_runs.set_tags(client, run, _tags(summary))
    page = artifacts.COMPARISON_TEXT.within(folder).read_text(encoding="utf-8")
    client.set_tag(run.run_id, "mlflow.note.content", first_sections(page))
    mlflow_runs.log_metrics(client, run, _best_scores(table, summary))
    with mlflow_runs.active_run(run):
        mlflow.log_table(table.astype(object).where(table.notna(), None), "comparison.json")
    for path in (file.within(folder) for file in _FILES):
        if path.is_file():  # only the flow writes a plan
            client.log_artifact(run.run_id, str(path))
    pictures = artifacts.COMPARISON_PICTURES
    client.log_artifacts(run.run_id, str(pictures.within(folder)), pictures.file)
    for name, training in runs.items():
        _tag_training(client, training, run, artifacts.COMPARED_SYSTEMS.within(folder) / name, table)
    client.set_terminated(run.run_id)
    return run


def first_sections(page: str) -> str:
    """Return as many of the page's first sections as fit into the description of an MLflow run."""
    note, *sections = page.split(_SECTION)
    for section in sections:
        if len(note) + len(_SECTION) + len(section) > _LONGEST_NOTE:
            break
        note += _SECTION + section
    return note


def _tags(summary: ComparisonSummary) -> dict[str, object]:
    return {
        "stage": "compare",
        "systems": " ".join(summary.systems),
        "pretrained": " ".join(summary.pretrained),
        "others": "; ".join(f"{name}: {scores}" for name, scores in summary.others.items()),
        "dataset": " + ".join(summary.test.datasets),
        "test_digest": summary.test.digest,
        "scorer": summary.test.scorer,
        "git_commit": provenance.git_commit(),
        "machine": provenance.hardware(),
        **{f"best.{target}": system for target, system in summary.best.items() if system},
    }


def _best_scores(table: pd.DataFrame, summary: ComparisonSummary) -> dict[str, float]:
    """Return the best SDR of every target, so that comparisons can be compared."""
    by_name = table.set_index("system")
    return {
        f"best/{target}/SDR": float(by_name[f"{target} SDR"][system])
        for target, system in summary.best.items()
        if system
    }


def _tag_training(
    client: mlflow.MlflowClient, training: RunRef, run: RunRef, folder: Path, table: pd.DataFrame
) -> None:
    """Tag a training's run with its system, and give the system's model its scores and costs as metrics.

    So MLflow's charts can show scores over costs, and its models can be searched by both.
    """
    name = folder.name
    row: Any = table[table["system"] == name].iloc[0]
    costs = {f"cost/{cost.replace(',', '')}": float(row[cost]) for cost in COSTS if pd.notna(row[cost])}
    scores = {
        f"test/{column.replace(' ', '/')}": float(row[column])
        for column in map(str, table)
        if column.split(" ")[-1] in METRICS and pd.notna(row[column])
    }
    try:
        client.get_run(training.run_id)
    except MlflowException:
        return  # trained against another store
    # the scores in this folder may be older than the latest ones in the run, so tag the run with their test set
    evaluation = Evaluation.read(folder / artifacts.TEST.writer)
    scored = {"evaluate.test_digest": evaluation.digest, "evaluate.test_tracks": len(evaluation.tracks)}
    mlflow_runs.set_tags(client, training, {"system": name, "comparison": run.run_id, **scored})
    model = artifacts.MODEL.within(folder)
    if model.is_dir():
        logged = log_model(client, training, model, load_model(model))
        mlflow.log_metrics({**scores, **costs}, run_id=training.run_id, model_id=logged.model_id)
