"""Names of the rows of a comparison; every name is unique."""

import re
from collections.abc import Iterable, Mapping, Sequence

from components.compare.systems.baselines import is_baseline
from components.core.base.errors import UserError

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
