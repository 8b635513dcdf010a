"""The DVC stages of a place, one after the other, until all of them are up to date."""

from components.core.tracking import mlflow_runs
from pipelines.running.place import STAGES, Place

TRAIN = "train"


def bring_up_to_date(place: Place, options: tuple[str, ...] = ()) -> list[str]:
    """Reproduce what is stale, with `options` of `dvc repro`, and return the lines that were printed.

    A training whose run MLflow does not have, since it was made with another store, goes on in a run of this one: that
    of a machine that has it still costs seconds, and what follows has somewhere to write to.
    """
    lines: list[str] = []
    for stage in STAGES:
        lines += place.reproduce(stage, options=options)
        if stage == TRAIN and not mlflow_runs.has_run(mlflow_runs.RunRef.read(place.workspace / TRAIN)):
            lines += place.reproduce_anew(stage)
    return lines
