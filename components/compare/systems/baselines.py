"""Rows that no model made: the mixture as the floor, oracles as ceilings. They do not depend on a model.

What an oracle reaches depends on the stems that it is given: of vocals and accompaniment it is told less than of four
stems. Where systems of several sets of stems are compared, every set has its own oracles: `irm2/2`, `irm2/4`. The
mixture has one row, for its vocals and accompaniment score the same whatever it is to be separated into.
"""

from collections.abc import Collection, Sequence

_FLOOR = "mixture"
_TITLES = {
    _FLOOR: "the mixture itself (floor)",
    "ibm": "IBM oracle",
    "irm1": "IRM1 oracle",
    "irm2": "IRM2 oracle",
    "mwf": "MWF oracle",
}
_OF = "/"

Stems = tuple[str, ...]
"""What is separated, in alphabetical order."""


def is_fixed(system: str) -> bool:
    """Return whether a row is a floor or ceiling."""
    return system.partition(_OF)[0] in _TITLES


def has_oracles(systems: Sequence[str]) -> bool:
    """Return whether any of the systems is a ceiling."""
    return any(is_fixed(system) and system != _FLOOR for system in systems)


def fixed_row(system: str, stems: Stems, sets: Collection[Stems]) -> str:
    """Return the name of the row of a floor or ceiling that was scored on `stems`, where oracles of `sets` are.

    They are told apart by how many stems there are, and where that is not enough by the stems.
    """
    if system == _FLOOR or len(sets) < 2:
        return system
    alike = [other for other in sets if len(other) == len(stems)]
    return f"{system}{_OF}{len(stems) if len(alike) == 1 else '-'.join(stems)}"


def fixed_title(system: str) -> str:
    """Return a floor's or ceiling's title, as tables and pictures have it."""
    name, sign, stems = system.partition(_OF)
    of = f"{stems} stems" if stems.isdigit() else stems.replace("-", ", ")
    return f"{_TITLES[name]}, {of}" if sign else _TITLES[name]
