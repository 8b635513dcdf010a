"""Models by address: a version in the MLflow registry (model_registry.py), or a folder, which needs no MLflow."""

import os
from dataclasses import dataclass
from pathlib import Path

from components.core.base.garbage_collection import collection_paused
from components.core.models.model_description import REGISTRY
from components.core.tracking.mlflow_address import store_exists

MODELS = "STEMLINE_MODELS"
"""Environment variable with the folder of the shipped models; by default the repository's `models/`."""

SHIPPED = Path(os.environ.get(MODELS, Path(__file__).parents[3] / "models")) / "vocal-isolation"
"""The model that ships with Stemline, for use before the first training."""


@dataclass(frozen=True)
class ModelAddress:
    """A model on this machine: its folder, and its name and version in the registry (0: not in a registry)."""

    folder: Path
    name: str
    version: int


def fetch_model(address: str, folder: Path) -> ModelAddress:
    """Return the model at `models:/NAME@ALIAS`, `models:/NAME/VERSION` or a path; registered ones go to `folder`.

    A version in `folder` that has the registered weights is not fetched again; the weights are compared because another
    registry may have the same numbers. Raises UserError when there is no such model, or when the store holds other
    weights than were registered.
    """
    if not address.startswith(REGISTRY):
        return ModelAddress(Path(address), Path(address).name, 0)
    with collection_paused():  # imported here: MLflow takes a second
        from components.core.models.model_registry import fetch_version
    return ModelAddress(*fetch_version(address, folder))


def has_registered_version(address: str) -> bool:
    """Return whether the registry has a version at `address`.

    Raises UserError when the registry does not answer: that must not pass for a registry without a champion.
    """
    if not store_exists():
        return False
    with collection_paused():
        from components.core.models.model_registry import has_version
    return has_version(address)
