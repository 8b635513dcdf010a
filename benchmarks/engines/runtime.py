"""The interface of runtimes: each prepares a separator of a trained model in a precision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from components.core.models.model_folder import Model
from components.core.networks.base.separator import Separator

Precision = Literal["fp32", "bf16", "int8"]
"""The precision of products; int8 needs calibration."""


@dataclass(frozen=True)
class EngineOptions:
    """Options of a runtime.

    folder       for its files; exported networks are used again
    threads      number of threads
    calibration  mixtures `(1, channels, segment)`, float32, from which the ranges of 8 bits are learned
    """

    folder: Path
    threads: int = 1
    calibration: Sequence[Tensor] = ()


@dataclass(frozen=True)
class PreparedSeparator:
    """A separator whose network a runtime runs, and the size in bytes of the weights as that runtime stores them."""

    separator: Separator
    size: int


@dataclass(frozen=True)
class Runtime:
    """`prepare` raises UserError when a package is missing or the network cannot be exported."""

    title: str
    precisions: tuple[Precision, ...]
    prepare: Callable[[Model, Precision, EngineOptions], PreparedSeparator]
