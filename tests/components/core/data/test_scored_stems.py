"""Which stems are scored together."""

from components.core.data.scored_stems import scored_together

TWO = ("vocals", "accompaniment")
FOUR = ("vocals", "drums", "bass", "other")


def test_targets_without_accompaniment_are_scored_together() -> None:
    for targets in (FOUR, ("drums", "no-drums"), ("vocals",)):
        assert {scored_together(target, targets) for target in targets} == {targets}


def test_vocals_and_accompaniment_are_scored_as_a_pair() -> None:
    five = (*FOUR, "accompaniment")
    for target in TWO:
        assert scored_together(target, TWO) == scored_together(target, five) == TWO
    for target in ("drums", "bass", "other"):
        assert scored_together(target, five) == FOUR
