"""`python -m components.compare.systems.listing`: prints the systems that can be compared."""

from importlib import metadata

from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.compare.systems.sizes import WEIGHTS
from components.compare.systems.system_registry import SYSTEMS, System
from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import COMPARED_SYSTEMS, MODEL
from components.core.data.comparison_documents import Costs
from components.core.networks.architecture_registry import ARCHITECTURES

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
        table.add_row(*map(Text, _row(system)))
    out.print(table)


def _row(system: System) -> list[str]:
    architecture = ARCHITECTURES[system.architecture]
    published, small = (f"{weights / 1e6:.2f}" for weights in WEIGHTS[system.name])
    here = _missing_package(architecture.packages) or _training_state(system, small)
    what = f"{system.title} ({architecture.source})"
    return [system.name, architecture.family, str(len(system.targets)), published, small, here, what]


def _missing_package(packages: tuple[str, ...]) -> str:
    """Return which of the packages is not installed, and what to do; empty where all are."""
    for package in packages:
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError:
            return f"needs {package}: pip install 'stemline[systems]'"
    return ""


def _training_state(system: System, small: str) -> str:
    """Return whether the last comparison trained the system, and in which size; `small` is in millions of weights."""
    folder = COMPARED_SYSTEMS.below(WORKSPACE) / system.name
    if not MODEL.within(folder).is_dir():
        return "untrained"
    weights = Costs.read(folder).weights if (folder / Costs.FILE).is_file() else None
    return "trained, small" if weights and f"{weights / 1e6:.2f}" == small else "trained"


if __name__ == "__main__":
    run_step_command(list_systems, "components.compare.systems.listing")
