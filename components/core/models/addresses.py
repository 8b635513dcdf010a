"""Models by address: a version in the MLflow registry (model_registry.py), or a folder, which needs no MLflow."""

import os
from dataclasses import dataclass
from pathlib import Path

from components.core.base.garbage_collection import collection_paused
from components.core.models.registry_names import REGISTRY
from components.core.tracking.mlflow_store import store_exists

MODELS = "STEMLINE_MODELS"
"""Environment variable: where the models lie that come with Stemline; the repository's `models/` by default."""

SHIPPED = Path(os.environ.get(MODELS, Path(__file__).parents[3] / "models")) / "vocal-isolation"
"""The model for those who have not trained one yet."""


@dataclass(frozen=True)
class ModelAddress:
    """A model that was found: its folder here, and what the registry calls it (version 0: not in a registry)."""

    folder: Path
    name: str
    version: int


def fetch_model(address: str, folder: Path) -> ModelAddress:
    """Return the model at `models:/NAME@ALIAS`, `models:/NAME/VERSION` or a path; registered ones go to `folder`.

    A version that is in `folder` already, with the weights that were registered, is not fetched again: another registry
    has other versions of the same numbers. Raises UserError when there is no such model, or when the store holds other
    weights than were registered.
    """
    if not address.startswith(REGISTRY):
        return ModelAddress(Path(address), Path(address).name, 0)
    with collection_paused():  # only here: MLflow takes a second to import
        from components.core.models.registry import fetch_version
    return ModelAddress(*fetch_version(address, folder))


def has_registered_version(address: str) -> bool:
    """Return whether the registry has a version at `address`.

    Raises UserError when the registry cannot say: one that does not answer is not one without a champion.
    """
    if not store_exists():
        return False
    with collection_paused():
        from components.core.models.registry import has_version
    return has_version(address)
