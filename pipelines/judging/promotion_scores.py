"""The SDR of a version at the time of its promotion.

Its training's MLflow run shows the latest scores: a later evaluation, by newer code or on more tracks, overwrites them.
MLflow keeps the time of each value, and the journal the time and the test tracks of each promotion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import mlflow

from components.core.release.journal import JournalEntry

# the model's own metrics, as components/evaluate/results/mlflow_run.py names them: test/<target>/SDR
_PREFIX, _SUFFIX = "test/", "/SDR"
TEST_DIGEST = "evaluate.test_digest"
_MILLISECONDS = 1000  # MLflow's times are in milliseconds, the journal's in whole seconds


@dataclass(frozen=True)
class ModelScores:
    """SDR in dB by target, on the test tracks with this digest."""

    sdr: Mapping[str, float]
    test_digest: str


def current_scores(run: mlflow.entities.Run) -> ModelScores:
    """Return the scores that a run shows now."""
    values = {name: value for name, value in sorted(run.data.metrics.items()) if _is_own_sdr(name)}
    return ModelScores({_target(name): value for name, value in values.items()}, run.data.tags.get(TEST_DIGEST, ""))


def scores_at_promotion(
    client: mlflow.MlflowClient, run: mlflow.entities.Run, promotion: JournalEntry | None
) -> ModelScores:
    """Return the scores that the training's run showed at `promotion`; the current ones without a promotion."""
    if promotion is None:
        return current_scores(run)
    until = (datetime.fromisoformat(promotion.time).timestamp() + 1) * _MILLISECONDS
    sdr = {}
    for name in filter(_is_own_sdr, sorted(run.data.metrics)):
        before = [value for value in client.get_metric_history(run.info.run_id, name) if value.timestamp <= until]
        if before:
            sdr[_target(name)] = max(before, key=lambda value: value.timestamp).value
    return ModelScores(sdr, str(promotion.evidence.get("test", "")))


def last_promotion(entries: list[JournalEntry], version: int) -> JournalEntry | None:
    """Return the last journal entry by which the gate let the version go live; None if there is none."""
    found = [entry for entry in entries if entry.version == version and entry.kind == "promotion"]
    return found[-1] if found else None


def _is_own_sdr(name: str) -> bool:
    """Return whether a metric is the model's own; the names of other systems' metrics have one part more."""
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX) and name.count("/") == 2


def _target(name: str) -> str:
    return name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
