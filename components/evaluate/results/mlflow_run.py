"""Scores in the MLflow run of the training that made the model. Logging the same scores again changes nothing."""

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

from components.core.data import artifacts
from components.core.data.evaluation import Evaluation, label_datasets
from components.core.data.score_tables import (
    MEDIANS,
    METRICS,
    MODEL,
    NAN_FRAMES,
    SDR_HIGH,
    SDR_LOW,
    SPEEDS,
    SYSTEM,
    TARGET,
    TIMES_REAL_TIME,
    TRACKS,
)
from components.core.tracking.mlflow_runs import RunRef, log_data, log_metrics, set_tags
from components.core.tracking.provenance import git_commit, lock_digest

ARTIFACTS = "evaluate"
"""The folder of the results among the run's artifacts."""

_FILES = (artifacts.SCORE_TABLE, artifacts.SCORES, artifacts.EVALUATE_METRICS, artifacts.TEST, artifacts.SPEED)


def log_results(client: mlflow.MlflowClient, ref: RunRef, data: Path, out: Path) -> None:
    """Log the results in `out`, for the test split of `data`, to the run: metrics, tags, data set, files.

    The model's metrics are `test/<target>/<metric>`; those of another system are `test/<system>/<target>/<metric>`.
    """
    evaluation = Evaluation.read(out)
    log_metrics(client, ref, _score_metrics(MEDIANS.read(out)) | _speed_metrics(SPEEDS.read(out)))
    set_tags(client, ref, _tags(evaluation))
    log_data(client, ref, "test", evaluation.datasets, evaluation.digest, len(evaluation.tracks), data)
    for file in _FILES:
        client.log_artifact(ref.run_id, str(file.within(out)), ARTIFACTS)
    for folder in (artifacts.PICTURES, artifacts.MUSEVAL):
        if folder.within(out).is_dir():
            client.log_artifacts(ref.run_id, str(folder.within(out)), f"{ARTIFACTS}/{folder.file}")


def _score_metrics(medians: pd.DataFrame) -> dict[str, float]:
    """Return MLflow's metrics for the rows of table.csv; a metric without a score is left out."""
    return {
        f"{_prefix(str(row[SYSTEM]))}/{row[TARGET]}/{name}": float(row[name])
        for _, row in medians.iterrows()
        for name in (*METRICS, SDR_LOW, SDR_HIGH, NAN_FRAMES, TRACKS)
        if np.isfinite(row[name])
    }


def _speed_metrics(speeds: pd.DataFrame) -> dict[str, float]:
    pairs = zip(speeds[SYSTEM], speeds[TIMES_REAL_TIME], strict=True)
    return {f"{_prefix(str(system))}/times_real_time": float(speed) for system, speed in pairs}


def _prefix(system: str) -> str:
    """Return the start of the names of a system's metrics; MLflow takes no plus sign in a name."""
    return "test" if system == MODEL else f"test/{system.replace('+', '-')}"


def _tags(evaluation: Evaluation) -> dict[str, object]:
    return {
        "evaluate.git_commit": git_commit(),
        "evaluate.dvc_lock": lock_digest(),
        "evaluate.dataset": label_datasets(evaluation.datasets),
        "evaluate.test_digest": evaluation.digest,
        "evaluate.test_tracks": len(evaluation.tracks),
        "evaluate.model_digest": evaluation.model,
        "evaluate.scorer": evaluation.scorer_and_frames,
    }
