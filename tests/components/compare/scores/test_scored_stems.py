"""Among which stems a target was scored."""

import pytest

from components.compare.scores.scored_stems import scored_among
from components.evaluate.scoring.scoring import scenarios


@pytest.mark.parametrize(
    "targets",
    [
        ("vocals", "accompaniment"),
        ("vocals", "drums", "bass", "other", "accompaniment"),
        ("vocals", "drums", "bass", "other"),
        ("drums", "no-drums"),
    ],
)
def test_the_rule_is_that_of_the_scoring(targets: tuple[str, ...]) -> None:
    by_rule = {target: scored_among(target, targets) for target in targets}
    assert by_rule == {
        target: ", ".join(sorted(members)) for members, reported in scenarios(targets) for target in reported
    }
