"""`python -m components.compare.systems.listing`: the systems that there are."""

import argparse
import json
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from components.compare.systems.trainable import SYSTEMS, System
from components.core.base.errors import UserError
from components.core.base.step_command import run_step
from components.core.base.workspace import WORKSPACE
from components.core.networks.registry import ARCHITECTURES, build_separator, parse_network

_STEREO = 2
_WIDTH = 150  # a terminal wraps what is too long for it


def main() -> None:
    """Print a table of all systems."""
    argparse.ArgumentParser(prog="python -m components.compare.systems.listing", description=__doc__).parse_args()
    run_step(lambda: print_systems(Console(highlight=False, width=_WIDTH)))


def print_systems(out: Console) -> None:
    """Print every system with its size as published and small, and whether it can be used here."""
    table = Table(box=None, pad_edge=False)
    for column in ("name", "family", "stems", "weights (M)", "small (M)", "here", "what it is"):
        table.add_column(column, justify="left" if column in _WORDS else "right", no_wrap=column != "what it is")
    for system in SYSTEMS.values():
        table.add_row(*_row(system))
    out.print(table)


def _row(system: System) -> list[str]:
    architecture = ARCHITECTURES[system.architecture]
    try:
        sizes = [f"{count_weights(system, small) / 1e6:.2f}" for small in (False, True)]
        here = _trained(WORKSPACE / "compare" / "systems" / system.name, float(sizes[1]))
    except UserError as error:
        sizes, here = ["–", "–"], str(error)
    what = f"{system.title} ({architecture.source})"
    return [system.name, architecture.family, str(len(system.targets)), *sizes, here, what]


def _trained(folder: Path, small: float) -> str:
    """Return whether the last comparison has left a model there, and of which size; `small` in millions of weights."""
    costs = folder / "costs.json"
    if not (folder / "model").is_dir():
        return "untrained"
    weights = json.loads(costs.read_text(encoding="utf-8"))["weights"] if costs.is_file() else None
    return "trained, small" if weights and f"{weights / 1e6:.2f}" == f"{small:.2f}" else "trained"


_WORDS = ("name", "family", "here", "what it is")


def count_weights(system: System, small: bool) -> int:
    """Return how many weights the system's network has; raises UserError when its package is missing."""
    network = parse_network(system.small if small else system.published)
    with torch.device("meta"):
        separator = build_separator(network, len(system.targets), _STEREO)
    return sum(parameter.numel() for parameter in separator.parameters())


if __name__ == "__main__":
    main()
