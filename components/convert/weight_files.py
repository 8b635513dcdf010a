"""Weight files: their kinds, and reading them without running code from them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from components.core.base.errors import UserError
from components.core.base.params import Section


@dataclass(frozen=True)
class ConvertedModel:
    """Published weights in the form of our separator.

    network    the config of our network
    state      the weights, under the names of the separator that this config builds
    targets    the stems in the order of the network
    rate       sampling rate in Hz
    files      the files that were read
    original   the package's own network, in evaluation mode, where it maps samples `(1, channels, samples)` to
               `(1, stems, channels, samples)`; our network must compute the same
    origin     facts about the source besides the digests of the files
    """

    network: Section
    state: Mapping[str, Tensor]
    targets: tuple[str, ...]
    rate: int
    channels: int
    files: tuple[Path, ...]
    original: Callable[[Tensor], Tensor] | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class WeightFormat:
    """A kind of weights that `stemline convert` takes.

    read        reads the weights: `read(*sources, **options)`
    options     the options of this kind, each with its help text
    sources     the names of its sources, as the help of the command writes them
    """

    read: Callable[..., ConvertedModel]
    options: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ("SOURCE",)


def load_tensors(path: Path, allowed: Sequence[Any] = ()) -> Any:
    """Return the object that torch saved in `path`: tensors, plain values and `allowed` types.

    Raises UserError for any other type: a pickle can hold code, and this function runs none.
    """
    try:
        with torch.serialization.safe_globals(list(allowed)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch checks no legacy file, so a damaged one raises errors of many kinds, some without a text
        reason = next(iter(str(error).strip().splitlines()), "") or "the file is damaged"
        raise UserError(f"{path} holds no weights that can be read safely: {reason}") from None


def add_network_prefix(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a network under the names that they have in a separator."""
    return {f"network.{name}": value for name, value in state.items()}
