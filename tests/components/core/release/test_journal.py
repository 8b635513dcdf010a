"""The journal: only ever appended to, by one at a time, and it shows when it was changed."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.core.base.errors import UserError
from components.core.release.journal import PLACE, Journal, Overtaken, live_at, open_journal
from components.core.stores.opening import AnyStore, open_store


def _journal(store: AnyStore) -> Journal:
    return Journal(store)


def test_a_variable_says_where_it_lies_whatever_the_parameters_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PLACE, raising=False)
    assert open_journal(str(tmp_path / "own")).address == str(tmp_path / "own" / "journal")
    monkeypatch.setenv(PLACE, str(tmp_path / "shared"))
    assert open_journal(str(tmp_path / "own")).address == str(tmp_path / "shared" / "journal")
    open_journal("promote").append("promotion", "m", 1, "why", {}, expected=0)
    assert [path.name for path in tmp_path.iterdir()] == ["shared"]


def test_entries_follow_each_other(store: AnyStore) -> None:
    journal = _journal(store)
    assert journal.entries() == []
    first = journal.append("promotion", "m", 3, "first champion", {"verdict": "abc"}, expected=0)
    second = journal.append("rollback", "m", 2, "it hissed", {}, expected=3)
    assert journal.entries() == [first, second]
    assert (first.number, first.before, second.before) == (1, 0, 3)
    assert second.previous
    assert "@" in first.by


def test_who_expects_another_live_version_is_told_who_was_faster(store: AnyStore) -> None:
    journal = _journal(store)
    journal.append("promotion", "m", 3, "why", {}, expected=0)
    with pytest.raises(Overtaken, match=r"meanwhile .* made version 3 of m the live one .*judge again"):
        journal.append("promotion", "m", 4, "why", {}, expected=0)
    assert [entry.version for entry in journal.entries()] == [3]


def test_models_in_one_journal_do_not_mix(store: AnyStore) -> None:
    journal = _journal(store)
    first = journal.append("promotion", "m", 3, "why", {}, expected=0)
    other = journal.append("promotion", "n", 1, "why", {}, expected=0)
    second = journal.append("promotion", "m", 4, "why", {}, expected=3)
    assert journal.of("m") == [first, second]
    assert journal.of("n") == [other]
    assert (second.number, second.previous) == (3, other.digest)


def test_of_many_at_once_one_wins(store: AnyStore) -> None:
    journal = _journal(store)
    won: list[int] = []
    told: list[int] = []
    ready = threading.Barrier(6)

    def promote(version: int) -> None:
        ready.wait()
        try:
            journal.append("promotion", "m", version, "why", {}, expected=0)
            won.append(version)
        except Overtaken:
            told.append(version)

    threads = [threading.Thread(target=promote, args=(version,)) for version in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(told) == 5
    assert [entry.version for entry in journal.entries()] == won


def test_two_models_at_once_both_win(store: AnyStore) -> None:
    journal = _journal(store)
    ready = threading.Barrier(4)

    def promote(name: str) -> None:
        ready.wait()
        journal.append("promotion", name, 1, "why", {}, expected=0)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(promote, "klmn"))
    assert sorted(entry.name for entry in journal.entries()) == list("klmn")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = _journal(open_store(str(tmp_path)))
    for before, version in ((0, 1), (1, 2), (2, 3)):
        journal.append("promotion", "m", version, "why", {}, expected=before)
    return tmp_path / "journal"


def test_a_changed_entry_shows(folder: Path) -> None:
    document = json.loads((folder / "000002.json").read_text())
    (folder / "000002.json").write_text(json.dumps(document | {"why": "another reason"}, indent=2, sort_keys=True))
    with pytest.raises(UserError, match=r"000003.json does not follow from the entry before it"):
        _journal(open_store(str(folder.parent))).entries()


def test_an_entry_that_was_only_formatted_anew_shows(folder: Path) -> None:
    path = folder / "000003.json"
    path.write_text(path.read_text() + "\n")
    journal = _journal(open_store(str(folder.parent)))
    journal.append("promotion", "m", 4, "why", {}, expected=3)  # what follows is about the file as it is
    assert len(journal.entries()) == 4
    path.write_text(path.read_text().rstrip())
    with pytest.raises(UserError, match=r"000004.json does not follow from the entry before it"):
        journal.entries()


def test_a_lost_entry_shows(folder: Path) -> None:
    (folder / "000002.json").unlink()
    with pytest.raises(UserError, match=r"000003.json does not follow"):
        _journal(open_store(str(folder.parent))).entries()


def test_rubbish_is_one_line(folder: Path) -> None:
    (folder / "000001.json").write_bytes(b"\xff{")
    with pytest.raises(UserError, match=r"is damaged .*: restore the journal from a backup"):
        _journal(open_store(str(folder.parent))).entries()


def test_it_says_what_was_live_at_a_moment(folder: Path) -> None:
    entries = _journal(open_store(str(folder.parent))).entries()
    now = datetime.now(UTC)
    found = live_at(entries, now + timedelta(seconds=1))
    assert found is not None
    assert found.version == 3
    assert live_at(entries, now - timedelta(days=1)) is None
