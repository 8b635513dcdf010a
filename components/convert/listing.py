"""`python -m components.convert.listing`: lists published weights, and which of them are on this machine."""

from collections.abc import Sequence
from importlib import metadata

from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.convert.published.all_weights import PUBLISHED_WEIGHTS
from components.convert.published.weights import PublishedWeights
from components.core.base.errors import UserError
from components.core.base.step_command import run_step_command

_WIDTH = 150  # columns; a narrower terminal wraps the lines
_NONE = "–"


def run() -> None:
    """List published weights, and which of them are on this machine."""
    print_weights(Console(highlight=False, width=_WIDTH))


def print_weights(out: Console) -> None:
    """Print a row for every package: its version, the weights that were found, and those that are missing.

    The last column names the folder for the first missing weights.
    """
    table = Table(box=None, pad_edge=False)
    for column in ("package", "installed", "convert", "found", "missing", "where the first missing goes"):
        table.add_column(column, no_wrap=column in ("package", "installed", "convert"))
    for kind, published in PUBLISHED_WEIGHTS.items():
        for package in dict.fromkeys(weights.package for weights in published):
            package_weights = [weights for weights in published if weights.package == package]
            table.add_row(package, installed(package), kind, *map(Text, _split_by_presence(package_weights)))
    out.print(table)


def installed(package: str) -> str:
    """Return the version of a package, or `no`."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "no"


def _split_by_presence(published: Sequence[PublishedWeights]) -> tuple[str, str, str]:
    """Return the sources that were found, the missing ones, and the message about the first missing one."""
    found, missing = [], {}
    for weights in published:
        try:
            weights.find()
            found.append(weights.source)
        except UserError as error:
            missing[weights.source] = str(error)
    return ", ".join(found) or _NONE, ", ".join(missing) or _NONE, next(iter(missing.values()), _NONE)


if __name__ == "__main__":
    run_step_command(run, "components.convert.listing")
