"""Scores into the MLflow run of the training that made the model. Doing it again changes nothing but the time."""

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd

from components.core.data.dataset_labels import label_datasets
from components.core.data.metric_names import METRICS
from components.core.tracking.mlflow_runs import RunRef, log_data, log_metrics, set_tags
from components.core.tracking.provenance import git_commit, lock_digest
from components.evaluate.results.results import METRICS_FILE, MUSEVAL, PICTURES, SCORES, TABLE, TEST
from components.evaluate.scoring.speed import SPEED

ARTIFACTS = "evaluate"
"""Folder of the run's artifacts that everything goes to."""


def log_results(client: mlflow.MlflowClient, ref: RunRef, data: Path, out: Path) -> None:
    """Log the results in `out`, of the test split of `data`, to the run: metrics, tags, data set, files.

    The model's metrics are `test/<target>/<metric>`, those of the other systems `test/<system>/<target>/<metric>`.
    """
    test: dict[str, Any] = json.loads((out / TEST).read_text(encoding="utf-8"))
    log_metrics(client, ref, metrics_of(pd.read_csv(out / TABLE)) | _speed_metrics(pd.read_csv(out / SPEED)))
    set_tags(client, ref, _tags(test))
    log_data(client, ref, "test", test["datasets"], test["digest"], len(test["tracks"]), data)
    for name in (TABLE, SCORES, METRICS_FILE, TEST, SPEED):
        client.log_artifact(ref.run_id, str(out / name), ARTIFACTS)
    for name in (PICTURES, MUSEVAL):
        if (out / name).is_dir():
            client.log_artifacts(ref.run_id, str(out / name), f"{ARTIFACTS}/{name}")


def metrics_of(summary: pd.DataFrame) -> dict[str, float]:
    """Return MLflow's metrics for the rows of table.csv; a metric without any score is left out."""
    metrics: dict[str, float] = {}
    for row in summary.to_dict("records"):
        system = _prefix(str(row["system"]))
        for name in METRICS:
            if np.isfinite(row[name]):
                metrics[f"{system}/{row['target']}/{name}"] = float(row[name])
        bounds = {name: row[name] for name in ("SDR_low", "SDR_high") if np.isfinite(row[name])}
        metrics |= {f"{system}/{row['target']}/{name}": float(value) for name, value in bounds.items()}
        metrics[f"{system}/{row['target']}/nan_frames"] = float(row["nan_frames"])
        metrics[f"{system}/{row['target']}/tracks"] = float(row["tracks"])
    return metrics


def _speed_metrics(speeds: pd.DataFrame) -> dict[str, float]:
    rows = speeds.to_dict("records")
    return {f"{_prefix(str(row['system']))}/times_real_time": float(row["times_real_time"]) for row in rows}


def _prefix(system: str) -> str:
    """Return where a system's metrics stand; MLflow takes no plus sign in a name."""
    return "test" if system == "model" else f"test/{system.replace('+', '-')}"


def _tags(test: dict[str, Any]) -> dict[str, object]:
    return {
        "evaluate.git_commit": git_commit(),
        "evaluate.dvc_lock": lock_digest(),
        "evaluate.dataset": label_datasets(test["datasets"]),
        "evaluate.test_digest": test["digest"],
        "evaluate.test_tracks": len(test["tracks"]),
        "evaluate.model_digest": test["model"],
        "evaluate.scorer": f"{test['scorer']}, frames of {test['window_seconds']:g} s",
    }
