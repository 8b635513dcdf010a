"""Names of what is compared: each is a row of the tables, and none is given twice."""

import re
from collections.abc import Iterable, Mapping, Sequence

from components.compare.systems.baselines import is_fixed
from components.core.base.errors import UserError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # a + stands before what is done after, in rows

Named = Mapping[str, str]
"""Places (folders, addresses) by the name that the user gives to what lies there."""


def named_places(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Return `NAME=PLACE` texts as places by name; raises UserError for any other form, and for a name given twice."""
    places: dict[str, str] = {}
    for text in texts:
        name, sign, place = text.partition("=")
        if not (name and sign and place):
            raise UserError(f"{option} {text}: write NAME=FOLDER")
        if not _NAME.fullmatch(name):
            raise UserError(f"{option} {name}: a name has letters, digits, dots, dashes and underscores, e.g. umxhq")
        if name in places:
            raise UserError(f"{option}: the name {name} is given twice; give each its own")
        places[name] = place
    return places


def require_free(option: str, names: Iterable[str], taken: Iterable[str]) -> None:
    """Raise UserError when one of `names` is a row's name already: in `taken`, or a floor's or ceiling's."""
    held = set(taken)
    for name in names:
        if name in held or is_fixed(name):
            raise UserError(f"{option} {name}: there is a system {name} here already; give yours another name")
