"""The training of a model, read from its MLflow run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from statistics import median_high

from mlflow.entities import Metric

from components.core.tracking import mlflow_runs
from components.core.tracking.exported_run import ExportedRun

_INTERNAL = "mlflow."
_LOSS, _SPEED = "train/loss", "train/audio_seconds_a_second"


@dataclass(frozen=True)
class TrainingRecord:
    """The record of a training's run, and the times of its validations in milliseconds since 1970."""

    run: ExportedRun
    validation_times: tuple[int, ...]

    @property
    def last_day(self) -> str:
        """The day of the last validation (UTC), such as 2026-11-30."""
        return datetime.fromtimestamp(max(self.validation_times) / 1000, UTC).date().isoformat()

    @property
    def minutes(self) -> float:
        """The length of the training in minutes; the part before the first validation is estimated."""
        between = (max(self.validation_times) - min(self.validation_times)) / 60_000
        return between * len(self.validation_times) / max(1, len(self.validation_times) - 1)

    @property
    def speed(self) -> float:
        """Seconds of audio trained in a second: the median over the validations, NaN without any."""
        speeds = [value for _, value in self.run.metrics.get(_SPEED, ())]
        return median_high(speeds) if speeds else float("nan")


def read_training(ref: mlflow_runs.RunRef) -> TrainingRecord:
    """Read the run of a training from the store; raises UserError when the store does not hold it."""
    client = mlflow_runs.connect()
    mlflow_runs.require_run(ref)
    run = client.get_run(ref.run_id)
    histories = {name: client.get_metric_history(ref.run_id, name) for name in sorted(run.data.metrics)}
    exported = ExportedRun(
        run_id=ref.run_id,
        name=run.info.run_name,
        params=dict(sorted(run.data.params.items())),
        tags={name: value for name, value in sorted(run.data.tags.items()) if not name.startswith(_INTERNAL)},
        metrics={name: _points(history) for name, history in histories.items()},
    )
    return TrainingRecord(exported, tuple(point.timestamp for point in histories[_LOSS]))


def _points(history: Sequence[Metric]) -> tuple[tuple[int, float], ...]:
    """Return the steps and values of a metric; JSON has no NaN, so values that are none are left out."""
    return tuple((point.step, point.value) for point in history if not isnan(point.value))
