"""Sizes of weights in bytes."""

from pathlib import Path

from torch import nn


def state_size(module: nn.Module) -> int:
    """Return the bytes of a module's parameters and buffers, each in its own type."""
    return sum(value.nbytes for value in module.state_dict().values())


def files_size(*paths: Path) -> int:
    """Return the total size of files in bytes."""
    return sum(path.stat().st_size for path in paths)
