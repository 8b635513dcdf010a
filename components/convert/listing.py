"""`python -m components.convert.listing`: published weights, and which of them are found on this machine."""

import argparse
from collections.abc import Mapping, Sequence
from importlib import metadata

from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.convert.convert import KINDS
from components.convert.weight_files import Kind, Weights
from components.core.base.errors import UserError
from components.core.base.step_command import run_step

_WIDTH = 150  # a terminal wraps what is too long for it
_NONE = "–"


def main() -> None:
    """Print a table of all published weights that `stemline convert` looks for."""
    argparse.ArgumentParser(prog="python -m components.convert.listing", description=__doc__).parse_args()
    run_step(lambda: print_weights(Console(highlight=False, width=_WIDTH)))


def print_weights(out: Console, kinds: Mapping[str, Kind] = KINDS) -> None:
    """Print every package whose weights `stemline convert` takes: its version, what is found, and where the rest goes.

    The line on the rest is that of the first that is missing.
    """
    table = Table(box=None, pad_edge=False)
    for column in ("package", "installed", "convert", "found", "missing", "where the first missing goes"):
        table.add_column(column, no_wrap=column in ("package", "installed", "convert"))
    for kind, published in kinds.items():
        for package in dict.fromkeys(weights.package for weights in published.published):
            of_package = [weights for weights in published.published if weights.package == package]
            table.add_row(package, installed(package), kind, *map(Text, _found_and_missing(of_package)))
    out.print(table)


def installed(package: str) -> str:
    """Return the version of a package, or `no`."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "no"


def _found_and_missing(published: Sequence[Weights]) -> tuple[str, str, str]:
    """Return the sources that are here, those that are not, and what is said of the first of these."""
    found, missing = [], {}
    for weights in published:
        try:
            weights.find()
            found.append(weights.source)
        except UserError as error:
            missing[weights.source] = str(error)
    return ", ".join(found) or _NONE, ", ".join(missing) or _NONE, next(iter(missing.values()), _NONE)


if __name__ == "__main__":
    main()
