"""Flags: the figures that need a person's attention, and their texts."""

from dataclasses import replace
from typing import Any

import pytest

from components.core.base.errors import UserError
from components.core.base.params import parse_section
from components.separate.config import FlagLimits
from components.separate.recording.quality import Quality
from components.separate.recording.quality_flags import find_flags
from tests.components.separate.parameters import flag_limits


def _music(**changes: Any) -> Quality:
    music = Quality(
        level_db=-14.0,
        peak_db=-0.5,
        silent_share=0.02,
        clipped=7,
        clipped_share=0.000001,
        high_db=-40.0,
        shares={"vocals": 0.2, "accompaniment": 0.8},
        correlation=0.05,
        distance=0.7,
        features={"crest": 10.0},
    )
    return replace(music, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ()),
        ({"high_db": None, "distance": None}, ()),
        ({"distance": 2.345}, ("unlike the training data (distance 2.3)",)),
        ({"shares": {"vocals": 0.00001, "accompaniment": 0.99999}}, ("vocals nearly silent",)),
        ({"correlation": 0.931}, ("stems alike (correlation 0.93)",)),
        ({"clipped": 31_000, "clipped_share": 0.0023}, ("clipped recording (0.23% of the samples)",)),
        ({"high_db": -96.0}, ("nothing above 17 kHz",)),
        ({"silent_share": 0.63}, ("silent for 63% of the time",)),
        (
            {"high_db": -96.0, "distance": 3.0},
            ("nothing above 17 kHz", "unlike the training data (distance 3.0)"),
        ),
    ],
)
def test_flags_say_why_a_person_should_listen(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    assert find_flags(_music(**changes).figures(), flag_limits()) == words


def test_missing_figure_raises_no_flag() -> None:
    assert find_flags({}, flag_limits()) == ()


def test_flags_obey_the_limits() -> None:
    expected = ("unlike the training data (distance 0.7)",)
    assert find_flags(_music().figures(), flag_limits(distance=0.5)) == expected


def test_unknown_limit_is_an_error() -> None:
    values = {**flag_limits().model_dump(), "loud": 2}
    with pytest.raises(UserError, match=r"flags\.loud: no such parameter"):
        parse_section("flags", values, FlagLimits, "params.yaml")
