"""What a version was worth when it was promoted.

Its training's run does not say: where evaluation alone is done again, by newer code or on more tracks, it gets the new
scores. MLflow keeps when each was logged, and the journal when the version went live, and on which tracks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import mlflow

from components.core.release.journal import Entry

_PREFIX, _SUFFIX = (
    "test/",
    "/SDR",
)  # of the model's own metrics, as components/evaluate/results/mlflow_run.py names them
TEST_DIGEST = "evaluate.test_digest"
_SECOND = 1000  # the journal's times have no parts of it; MLflow's are in milliseconds


@dataclass(frozen=True)
class Worth:
    """SDR in dB by target, on the test tracks with this digest."""

    sdr: Mapping[str, float]
    test_digest: str


def worth_of(run: mlflow.entities.Run) -> Worth:
    """Return what a run says now."""
    found = {name: value for name, value in sorted(run.data.metrics.items()) if _is_own_sdr(name)}
    return Worth({_target(name): value for name, value in found.items()}, run.data.tags.get(TEST_DIGEST, ""))


def worth_at(client: mlflow.MlflowClient, run: mlflow.entities.Run, promotion: Entry | None) -> Worth:
    """Return what the training's run said at `promotion`; of a version that was never promoted, what it says now."""
    if promotion is None:
        return worth_of(run)
    until = (datetime.fromisoformat(promotion.time).timestamp() + 1) * _SECOND
    sdr = {}
    for name in filter(_is_own_sdr, sorted(run.data.metrics)):
        before = [value for value in client.get_metric_history(run.info.run_id, name) if value.timestamp <= until]
        if before:
            sdr[_target(name)] = max(before, key=lambda value: value.timestamp).value
    return Worth(sdr, str(promotion.evidence.get("test", "")))


def promotion_of(entries: list[Entry], version: int) -> Entry | None:
    """Return the last entry by which the gate let the version go live."""
    found = [entry for entry in entries if entry.version == version and entry.kind == "promotion"]
    return found[-1] if found else None


def _is_own_sdr(name: str) -> bool:
    """Other systems' names have one part more."""
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX) and name.count("/") == 2


def _target(name: str) -> str:
    return name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
