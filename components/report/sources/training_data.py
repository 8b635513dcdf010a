"""Which versions of which data a training, and its test, were made from: data sets by digest, as MLflow keeps them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlflow.entities import DatasetInput, Run

from components.core.data.dataset_labels import label_datasets

_CONTEXT = "mlflow.data.context"
_TRAINING = ("train", "training")


@dataclass(frozen=True)
class Input:
    """A data set: what it was used for, its name, its digest, and how many tracks it has (None: not said)."""

    use: str
    name: str
    digest: str
    tracks: int | None


def inputs_of(run: Run) -> tuple[Input, ...]:
    """Return the data sets of a run; of a training that logged none as such, what its tags say of them."""
    logged = [_input(found) for found in run.inputs.dataset_inputs] if run.inputs else []
    if not any(found.use in _TRAINING for found in logged):
        logged = [*_of_tags(run.data.tags), *logged]
    return tuple(sorted(logged, key=lambda found: found.use not in _TRAINING))


def _input(found: DatasetInput) -> Input:
    use = next((tag.value for tag in found.tags if tag.key == _CONTEXT), "")
    names = label_datasets(found.dataset.name.split(" + "))
    return Input(use, names, found.dataset.digest, _tracks(found.dataset.profile))


def _of_tags(tags: dict[str, str]) -> Iterator[Input]:
    if "train.data" in tags:
        yield Input("train", label_datasets(tags.get("train.datasets", "").split()), tags["train.data"], None)


def _tracks(profile: str | None) -> int | None:
    try:
        document: Any = json.loads(profile or "{}")
        return int(document["tracks"])
    except (ValueError, TypeError, KeyError):
        return None
