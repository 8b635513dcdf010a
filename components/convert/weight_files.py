"""Weight files: the folders that packages download them to, and reading them without running code from them."""

import pickle
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
    """

    network: Section
    state: Mapping[str, Tensor]
    targets: tuple[str, ...]
    rate: int
    channels: int
    files: tuple[Path, ...]
    original: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True)
class PublishedWeights:
    """Published weights: the `package` (its name on PyPI) that downloads them, and their `source` for `convert`.

    `find` returns their files on this machine; when a file is missing it raises UserError, which names its folder.
    """

    package: str
    source: str
    find: Callable[[], Sequence[Path]]


@dataclass(frozen=True)
class WeightFormat:
    """A kind of weights that `stemline convert` takes.

    read        reads the weights: `read(source, **options)`
    options     the options of this kind, each with its help text
    published   the weights that `stemline systems` lists
    """

    read: Callable[..., ConvertedModel]
    options: Mapping[str, str] = field(default_factory=dict)
    published: Sequence[PublishedWeights] = ()


def torch_hub_folder() -> Path:
    """Return the folder that torch hub, and packages through it, download to."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def find_files(folder: Path, names: Sequence[str], title: str) -> list[Path]:
    """Return the files with these names in `folder`; raises UserError, which names the folder, when one is missing."""
    found = []
    for name in names:
        matching = sorted(folder.glob(name))
        if not matching:
            raise UserError(f"{title}: {name} is not in {folder}: put its weights there, or name a file or folder")
        found.append(matching[0])
    return found


def load_tensors(path: Path, allowed: Sequence[Any] = ()) -> Any:
    """Return the object that torch saved in `path`: tensors, plain values and `allowed` types.

    Raises UserError for any other type: a pickle can hold code, and this function runs none.
    """
    try:
        with torch.serialization.safe_globals(list(allowed)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise UserError(f"{path} holds no weights that can be read safely: {str(error).splitlines()[0]}") from None


def add_network_prefix(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a network under the names that they have in a separator."""
    return {f"network.{name}": value for name, value in state.items()}
