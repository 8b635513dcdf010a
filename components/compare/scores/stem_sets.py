"""The stems that were scored together: only scores of the same stems can be compared."""

from collections.abc import Collection

from components.core.data.scored_stems import scored_together

AMONG = "among"
"""Column with the stems among which a target was scored, as `name_stem_set` writes them."""


def name_stem_set(target: str, targets: Collection[str]) -> str:
    """Return the stems among which `target` is scored when all of `targets` are scored, such as "bass, vocals"."""
    return ", ".join(sorted(scored_together(target, targets)))
