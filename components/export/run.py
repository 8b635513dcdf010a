"""An MLflow run, written down: it stays readable when the store is gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.core.tracking import mlflow_runs

_INTERNAL = "mlflow."


@dataclass(frozen=True)
class Run:
    """Parameters, tags, and for each metric its `(step, value, milliseconds since 1970)`."""

    run_id: str
    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, tuple[tuple[int, float, int], ...]]

    def document(self) -> dict[str, Any]:
        """Return what run.json holds."""
        return {
            "run_id": self.run_id,
            "name": self.name,
            "params": dict(self.params),
            "tags": dict(self.tags),
            "metrics": {name: [point[:2] for point in points] for name, points in self.metrics.items()},
        }

    @property
    def finished(self) -> str:
        """Day of the last logged training metric (UTC)."""
        return datetime.fromtimestamp(max(self._times()) / 1000, UTC).date().isoformat()

    @property
    def last_speed(self) -> float:
        """Seconds of audio trained a second, median over the validations."""
        speeds = sorted(value for _, value, _ in self.metrics.get("train/audio_seconds_a_second", ()))
        return speeds[len(speeds) // 2] if speeds else float("nan")

    @property
    def minutes(self) -> float:
        """Minutes from the first to the last validation, and as long again for the part before the first."""
        times = self._times()
        between = (max(times) - min(times)) / 60_000
        return between * len(times) / max(1, len(times) - 1)

    def _times(self) -> list[int]:
        return [time for _, _, time in self.metrics["train/loss"]]


def read_run(ref: mlflow_runs.RunRef) -> Run:
    """Read a run from the store; raises UserError when it is not there."""
    client = mlflow_runs.connect()
    mlflow_runs.require_run(ref)
    found = client.get_run(ref.run_id)
    metrics = {
        name: tuple((point.step, point.value, point.timestamp) for point in client.get_metric_history(ref.run_id, name))
        for name in sorted(found.data.metrics)
    }
    tags = {name: value for name, value in sorted(found.data.tags.items()) if not name.startswith(_INTERNAL)}
    return Run(ref.run_id, found.info.run_name, dict(sorted(found.data.params.items())), tags, metrics)
