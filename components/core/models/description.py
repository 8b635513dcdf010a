"""The files of a model's folder, for modules that need no torch: the description `model.json`, and the weights."""

from typing import Any, ClassVar

from pydantic import Field

from components.core.base.documents import Document

WEIGHTS = "weights.safetensors"
"""The name of the file with the weights."""


class ModelDescription(Document):
    """All that rebuilds a model from its weights.

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
