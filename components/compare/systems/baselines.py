"""Baselines: rows without a model. The mixture is the floor, the oracles are the ceilings.

An oracle's scores depend on its true stems: it knows less with vocals and accompaniment than with four stems.
So where systems of several sets of stems are compared, every set has its own oracles: `irm2/2`, `irm2/4`. The mixture
has one row: its vocals and accompaniment score the same in every set.
"""

from collections.abc import Collection, Sequence

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
