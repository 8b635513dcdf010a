"""The files of a model's folder and its names in the registry, for modules that need neither torch nor MLflow."""

from typing import Any, ClassVar

from pydantic import Field

from components.core.base.documents import Document

WEIGHTS = "weights.safetensors"
"""The name of the file with the weights."""

REGISTRY = "models:/"
"""The beginning of a registered model's address: `models:/NAME@ALIAS` or `models:/NAME/VERSION`."""

MODEL_FOLDER = "model"
"""The model's folder among the artifacts of a registered version."""


class ModelDescription(Document):
    """The facts that rebuild a model from its weights.

    network    the section that names the architecture and its sizes
    rate       sampling rate in Hz
    origin     where the model comes from: run, commit, seed, packages
    sha256     SHA-256 of the weights' file
    """

    FILE: ClassVar[str] = "model.json"
    REMEDY: ClassVar[str] = "fetch the model again"

    network: dict[str, Any]
    targets: tuple[str, ...] = Field(min_length=1)
    rate: int = Field(gt=0)
    channels: int = Field(gt=0)
    origin: dict[str, Any]
    sha256: str
