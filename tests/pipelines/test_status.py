"""`stemline status` says since when the champion is live: what the journal says of it."""

from pathlib import Path

import pytest

from components.core.journal import open_journal
from pipelines.status import live_since


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("components.core.journal.SHARED", tmp_path)
    open_journal("books").append("promotion", "voices", 1, "better", {}, 0)
    return "books"


def test_the_entry_of_the_live_version_is_named(place: str) -> None:
    (entry,) = open_journal(place).of("voices")
    assert live_since(place, "voices", 1) == f"live since {entry.time} (promotion)"


def test_a_version_again_live_is_live_since_then(place: str) -> None:
    open_journal(place).append("promotion", "voices", 2, "better", {}, 1)
    assert live_since(place, "voices", 1).startswith("made live by hand: `stemline repair`")
    open_journal(place).append("rollback", "voices", 1, "hollow", {}, 2)
    assert live_since(place, "voices", 1).endswith("(rollback)")


def test_another_models_entries_do_not_count(place: str) -> None:
    assert live_since(place, "drums", 1).startswith("made live by hand")


def test_a_damaged_journal_is_said(place: str, tmp_path: Path) -> None:
    (tmp_path / "books" / "journal" / "000001.json").write_text("{")
    said = live_since(place, "voices", 1)
    assert said.startswith("since when is not known: ")
    assert "restore it from a backup" in said
