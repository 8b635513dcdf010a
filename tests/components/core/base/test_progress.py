"""Progress: lines that say how far, how fast and how long, and not too many of them."""

import pytest

from components.core.base.progress import Progress, format_duration, with_progress


def test_a_line_says_it_all(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("train", 10, "steps", interval=0)
    progress.advance(4, "loss 0.5")
    line = capsys.readouterr().err
    assert line.startswith("train: 4/10 steps (40 %), ")
    assert "steps/s, 0:00 left; loss 0.5" in line


def test_not_more_often_than_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(with_progress(range(1000), "copy", 1000, "files")) == list(range(1000))
    assert capsys.readouterr().err == ""


def test_nothing_to_do_is_all_done(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("separate", 0, "recordings").say()
    assert "(100 %)" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.4, "1:01"), (3600, "1:00:00"), (7325, "2:02:05")])
def test_clock(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
