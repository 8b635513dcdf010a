"""The stems that are scored together, by the rule of museval.

SIR, SAR and ISR of a target depend on the stems beside it, and so does the median of its SDR: a frame counts only where
none of these stems is silent (museval, issue 65).
"""

from collections.abc import Collection

_TWO_STEMS = ("vocals", "accompaniment")


def scored_together(target: str, targets: Collection[str]) -> tuple[str, ...]:
    """Return the stems among which `target` is scored when all of `targets` are scored.

    Vocals and accompaniment, where both are there, are scored among these two only: the accompaniment is the sum of all
    stems but the vocals. Any other target is scored among all targets but the accompaniment.
    """
    if not set(_TWO_STEMS) <= set(targets):
        return tuple(targets)
    return _TWO_STEMS if target in _TWO_STEMS else tuple(name for name in targets if name != "accompaniment")


AMONG = "among"
"""Column with the stems among which a target was scored, as `name_stem_set` writes them."""


def name_stem_set(target: str, targets: Collection[str]) -> str:
    """Return the stems among which `target` is scored when all of `targets` are scored, such as "bass, vocals"."""
    return ", ".join(sorted(scored_together(target, targets)))
