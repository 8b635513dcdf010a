"""The data sets that a version was trained and tested on, as its MLflow run lists them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlflow.entities import DatasetInput, Run

from components.core.data.evaluation import label_datasets

_CONTEXT = "mlflow.data.context"
_TRAINING = ("train", "training")


@dataclass(frozen=True)
class UsedDataset:
    """A data set: its use (train or test), name, digest, and number of tracks; None when MLflow has no number."""

    use: str
    name: str
    digest: str
    tracks: int | None


def list_datasets(run: Run) -> tuple[UsedDataset, ...]:
    """Return the data sets of a run, those for training first; old runs name theirs only in tags."""
    logged = [_from_input(found) for found in run.inputs.dataset_inputs] if run.inputs else []
    if not any(found.use in _TRAINING for found in logged):
        logged = [*_from_tags(run.data.tags), *logged]
    return tuple(sorted(logged, key=lambda found: found.use not in _TRAINING))


def _from_input(found: DatasetInput) -> UsedDataset:
    use = next((tag.value for tag in found.tags if tag.key == _CONTEXT), "")
    names = label_datasets(found.dataset.name.split(" + "))
    return UsedDataset(use, names, found.dataset.digest, _count_tracks(found.dataset.profile))


def _from_tags(tags: dict[str, str]) -> Iterator[UsedDataset]:
    if "train.data" in tags:
        yield UsedDataset("train", label_datasets(tags.get("train.datasets", "").split()), tags["train.data"], None)


def _count_tracks(profile: str | None) -> int | None:
    try:
        document: Any = json.loads(profile or "{}")
        return int(document["tracks"])
    except (ValueError, TypeError, KeyError):
        return None
