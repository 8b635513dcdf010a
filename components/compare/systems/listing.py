"""`python -m components.compare.systems.listing`: prints the systems that can be compared."""

import torch
from rich.console import Console
from rich.table import Table

from components.compare.systems.system_registry import SYSTEMS, System
from components.core.base.errors import UserError
from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import COMPARED_SYSTEMS, MODEL
from components.core.data.comparison_documents import Costs
from components.core.networks.building import build_separator
from components.core.networks.registry import ARCHITECTURES, parse_network

_STEREO = 2
_WIDTH = 150  # a terminal wraps longer lines
_TEXT_COLUMNS = ("name", "family", "here", "what it is")


def list_systems() -> None:
    """Print the systems that can be compared."""
    print_systems(Console(highlight=False, width=_WIDTH))


def print_systems(out: Console) -> None:
    """Print every system with its published and its small size, and whether it can be used and was trained here."""
    table = Table(box=None, pad_edge=False)
    for column in ("name", "family", "stems", "weights (M)", "small (M)", "here", "what it is"):
        table.add_column(column, justify="left" if column in _TEXT_COLUMNS else "right", no_wrap=column != "what it is")
    for system in SYSTEMS.values():
        table.add_row(*_row(system))
    out.print(table)


def _row(system: System) -> list[str]:
    architecture = ARCHITECTURES[system.architecture]
    try:
        sizes = [f"{count_weights(system, small) / 1e6:.2f}" for small in (False, True)]
        here = _training_state(system, sizes[1])
    except UserError as error:
        sizes, here = ["–", "–"], str(error)
    what = f"{system.title} ({architecture.source})"
    return [system.name, architecture.family, str(len(system.targets)), *sizes, here, what]


def _training_state(system: System, small: str) -> str:
    """Return whether the last comparison trained the system, and in which size; `small` is in millions of weights."""
    folder = COMPARED_SYSTEMS.below(WORKSPACE) / system.name
    if not MODEL.within(folder).is_dir():
        return "untrained"
    weights = Costs.read(folder).weights if (folder / Costs.FILE).is_file() else None
    return "trained, small" if weights and f"{weights / 1e6:.2f}" == small else "trained"


def count_weights(system: System, small: bool) -> int:
    """Return the number of weights of the system's network; raises UserError when its package is missing."""
    network = parse_network(system.small if small else system.published)
    with torch.device("meta"):
        separator = build_separator(network, len(system.targets), _STEREO)
    return sum(parameter.numel() for parameter in separator.parameters())


if __name__ == "__main__":
    run_step_command(list_systems, "components.compare.systems.listing")
