"""The names of the rows of a comparison, and the baselines: rows without a model.

The mixture is the floor, the oracles are the ceilings. An oracle's scores depend on its true stems: it knows less with
vocals and accompaniment than with four stems. So where systems of several sets of stems are compared, every set has its
own oracles: `irm2/2`, `irm2/4`. The mixture has one row: its vocals and accompaniment score the same in every set.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from components.core.base.errors import UserError
from components.core.data.score_tables import MIXTURE

_TITLES = {
    MIXTURE: "the mixture itself (floor)",
    "ibm": "IBM oracle",
    "irm1": "IRM1 oracle",
    "irm2": "IRM2 oracle",
    "mwf": "MWF oracle",
}
_SEPARATOR = "/"

BASELINES = tuple(_TITLES)
"""Floor and ceilings, as `evaluate` names them."""

Stems = tuple[str, ...]
"""A set of stems, in alphabetical order."""


def is_baseline(row: str) -> bool:
    """Return whether a row is the floor or a ceiling."""
    return row.partition(_SEPARATOR)[0] in _TITLES


def has_oracles(systems: Sequence[str]) -> bool:
    """Return whether any of the systems is a ceiling."""
    return any(is_baseline(system) and system != MIXTURE for system in systems)


def baseline_row(system: str, stems: Stems, oracle_stems: Collection[Stems]) -> str:
    """Return the row name of a baseline that was scored on `stems`; `oracle_stems` are all sets that have oracles.

    Sets are told apart by their number of stems, or, where two have the same number, by their stems.
    """
    if system == MIXTURE or len(oracle_stems) < 2:
        return system
    alike = [other for other in oracle_stems if len(other) == len(stems)]
    return f"{system}{_SEPARATOR}{len(stems) if len(alike) == 1 else '-'.join(stems)}"


def baseline_title(row: str) -> str:
    """Return a baseline's title in tables and pictures."""
    name, separator, stems = row.partition(_SEPARATOR)
    shown = f"{stems} stems" if stems.isdigit() else stems.replace("-", ", ")
    return f"{_TITLES[name]}, {shown}" if separator else _TITLES[name]


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # no +, which separates a post-processing in the name of a row

Places = Mapping[str, str]
"""Folders and addresses, by the name that the user gave."""


def parse_places(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Parse `NAME=PLACE` texts; raises UserError for any other form, and for a name that is given twice."""
    places: dict[str, str] = {}
    for text in texts:
        name, sign, place = text.partition("=")
        if not (name and sign and place):
            raise UserError(f"{option} {text}: write NAME=FOLDER")
        if not _NAME.fullmatch(name):
            raise UserError(f"{option} {name}: a name has letters, digits, dots, dashes and underscores, e.g. umxhq")
        if name in places:
            raise UserError(f"{option}: the name {name} is given twice: give each its own")
        places[name] = place
    return places


def require_unused(option: str, names: Iterable[str], used: Iterable[str]) -> None:
    """Raise UserError when one of `names` is the name of a baseline or in `used`."""
    taken = set(used)
    for name in names:
        if name in taken or is_baseline(name):
            raise UserError(f"{option} {name}: the comparison has a system {name} already: give yours another name")
