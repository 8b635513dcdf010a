"""Among which stems a target was scored. SIR, SAR and ISR depend on it, and so does the SDR's median.

A frame counts where none of these stems is silent, so among four stems fewer count than among two (museval, issue 65).
"""

from collections.abc import Iterable

_TWO_STEMS = {"vocals", "accompaniment"}


def scored_among(target: str, targets: Iterable[str]) -> str:
    """Return the stems, in alphabetical order, among which `target` was scored where all `targets` have scores.

    This is museval's rule, and that of `evaluate`: vocals and accompaniment, where both are there, among these two; any
    other among all but the accompaniment. A target that is alone does not say among which stems it was scored.
    """
    found = set(targets)
    if not found >= _TWO_STEMS:
        return ", ".join(sorted(found))
    return ", ".join(sorted(_TWO_STEMS if target in _TWO_STEMS else found - {"accompaniment"}))
