"""What all conversions share: where weights lie, and how they are read without running code from them."""

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
class Converted:
    """A network's config, its state (as the separator of that config has it), and what it separates.

    `theirs` is the package's own network where it works on samples, `(1, channels, samples)` to `(1, stems, channels,
    samples)`, in evaluation mode: ours must give the same.
    """

    network: Section
    state: Mapping[str, Tensor]
    targets: tuple[str, ...]
    rate: int
    channels: int
    files: tuple[Path, ...]
    theirs: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True)
class Weights:
    """Weights that were published: the `package` (as pip calls it) that downloads them, and the source for `convert`.

    `find` returns their files on this machine; it raises UserError, with a line that says where they go, when there are
    none.
    """

    package: str
    source: str
    find: Callable[[], Sequence[Path]]


@dataclass(frozen=True)
class Kind:
    """Whose weights: `read(source, **said)`, and what a user may say beside the source, name to help.

    `published` are those that are looked for by a name, or in a folder of their package's.
    """

    read: Callable[..., Converted]
    options: Mapping[str, str] = field(default_factory=dict)
    published: Sequence[Weights] = ()


def hub() -> Path:
    """Return the folder that torch hub downloads to, as the packages do through it."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def find(folder: Path, names: Sequence[str], what: str) -> list[Path]:
    """Return the files of these names in `folder`; raises UserError, saying where they go, when one is missing."""
    found = []
    for name in names:
        matching = sorted(folder.glob(name))
        if not matching:
            raise UserError(f"{what}: {name} is not in {folder}: put its weights there, or name a file or folder")
        found.append(matching[0])
    return found


def load_tensors(path: Path, allowed: Sequence[Any] = ()) -> Any:
    """Return what torch saved in `path`: tensors, plain values and `allowed` types.

    Raises UserError for anything else: a pickle can hold code, and none is run.
    """
    try:
        with torch.serialization.safe_globals(list(allowed)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise UserError(f"{path} holds no weights that can be read safely: {str(error).splitlines()[0]}") from None


def prefixed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a network's state as a separator has it."""
    return {f"network.{name}": value for name, value in state.items()}
