"""What all conversions share: where weights lie, and how they are read without running code from them."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from components.core.errors import UserError
from components.core.params import Section


@dataclass(frozen=True)
class Converted:
    """A network's config, its state (as the separator of that config has it), and what it separates."""

    network: Section
    state: Mapping[str, Tensor]
    targets: tuple[str, ...]
    rate: int
    channels: int
    files: tuple[Path, ...]


def find(source: str, names: Sequence[str], what: str) -> list[Path]:
    """Return files of these names in the folder `source`, or torch hub's cache, where their packages download them to.

    Raises UserError, saying where they go, when one is missing.
    """
    folder = Path(source) if Path(source).is_dir() else Path(torch.hub.get_dir()) / "checkpoints"
    found = []
    for name in names:
        matching = sorted(folder.glob(name))
        if not matching:
            raise UserError(f"{what}: {name} is not in {folder}: put its weights there, or name another folder")
        found.append(matching[0])
    return found


def load_tensors(path: Path, allowed: Sequence[Any] = ()) -> Any:
    """Return what torch saved in `path`, tensors and plain values alone; raises UserError for anything else."""
    try:
        with torch.serialization.safe_globals(list(allowed)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise UserError(f"{path} holds no weights that can be read safely: {str(error).splitlines()[0]}") from None
