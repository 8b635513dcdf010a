"""Progress prints the amount done, the speed and the time left, in few lines."""

import pytest

from components.core.base.progress import Progress, format_duration


def test_line_holds_count_speed_time_left_and_note(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("train", 10, "steps", interval=0)
    progress.advance(4, "loss 0.5")
    line = capsys.readouterr().err
    assert line.startswith("train: 4/10 steps (40 %), ")
    assert "steps/s, 0:00 left; loss 0.5" in line


def test_advance_prints_nothing_before_the_interval_has_passed(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("copy", 1000, "files", interval=3600)
    for _ in range(1000):
        progress.advance()
    assert capsys.readouterr().err == ""


def test_total_of_zero_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("separate", 0, "recordings", interval=0).advance(0)
    assert "(100 %)" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.4, "1:01"), (3600, "1:00:00"), (7325, "2:02:05")])
def test_format_duration_writes_minutes_and_hours(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
