"""Builds the network of an architecture: one file each in this folder, imported on first use, since it needs torch."""

from collections.abc import Callable
from importlib import import_module

from components.core.base.params import Section
from components.core.networks.base.narrow_convolutions import guard_narrow_convolutions
from components.core.networks.base.separator import Separator


def build_separator(network: Section, stems: int, channels: int) -> Separator:
    """Build the separator of a typed config, with fresh weights.

    Raises UserError when the architecture needs a package that is missing.
    """
    name: str = network.name  # type: ignore[attr-defined]
    build: Callable[[Section, int, int], Separator] = getattr(import_module(f"{__package__}.{name}"), f"build_{name}")
    separator = build(network, stems, channels)
    guard_narrow_convolutions(separator)
    return separator
