"""The journal: one process at a time appends an entry, and a changed or lost entry is found."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from components.core.base.errors import UserError
from components.core.release.journal import JOURNAL_VARIABLE, Journal, JournalConflict, entry_at, open_journal
from components.core.stores.opening import AnyStore, open_store


def test_variable_replaces_the_address_in_the_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(JOURNAL_VARIABLE, raising=False)
    assert open_journal(str(tmp_path / "own")).address == str(tmp_path / "own" / "journal")
    monkeypatch.setenv(JOURNAL_VARIABLE, str(tmp_path / "shared"))
    assert open_journal(str(tmp_path / "own")).address == str(tmp_path / "shared" / "journal")
    open_journal("promote").append("promotion", "m", 1, "why", {}, expected=0)
    assert [path.name for path in tmp_path.iterdir()] == ["shared"]


def test_append_chains_the_entries(store: AnyStore) -> None:
    journal = Journal(store)
    assert journal.entries() == []
    first = journal.append("promotion", "m", 3, "first champion", {"verdict": "abc"}, expected=0)
    second = journal.append("rollback", "m", 2, "it hissed", {}, expected=3)
    assert journal.entries() == [first, second]
    assert (first.number, first.before, second.before) == (1, 0, 3)
    assert second.previous
    assert "@" in first.by


def test_append_fails_when_another_version_is_live_than_expected(store: AnyStore) -> None:
    journal = Journal(store)
    journal.append("promotion", "m", 3, "why", {}, expected=0)
    with pytest.raises(JournalConflict, match=r"meanwhile .* made version 3 of m the live one .*judge again"):
        journal.append("promotion", "m", 4, "why", {}, expected=0)
    assert [entry.version for entry in journal.entries()] == [3]


def test_journal_keeps_models_apart(store: AnyStore) -> None:
    journal = Journal(store)
    first = journal.append("promotion", "m", 3, "why", {}, expected=0)
    other = journal.append("promotion", "n", 1, "why", {}, expected=0)
    second = journal.append("promotion", "m", 4, "why", {}, expected=3)
    assert journal.entries_of("m") == [first, second]
    assert journal.entries_of("n") == [other]
    assert (second.number, second.previous) == (3, other.digest)


def test_only_one_of_many_promotions_at_once_succeeds(store: AnyStore) -> None:
    journal = Journal(store)
    won: list[int] = []
    lengths: list[int] = []
    ready = threading.Barrier(6)

    def promote(version: int) -> None:
        ready.wait()
        try:
            journal.append("promotion", "m", version, "why", {}, expected=0)
            won.append(version)
        except JournalConflict:
            lengths.append(version)

    threads = [threading.Thread(target=promote, args=(version,)) for version in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(lengths) == 5
    assert [entry.version for entry in journal.entries()] == won


def test_promotions_of_several_models_at_once_all_succeed(store: AnyStore) -> None:
    journal = Journal(store)
    ready = threading.Barrier(4)

    def promote(name: str) -> None:
        ready.wait()
        journal.append("promotion", name, 1, "why", {}, expected=0)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(promote, "klmn"))
    assert sorted(entry.name for entry in journal.entries()) == list("klmn")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = Journal(open_store(str(tmp_path)))
    for before, version in ((0, 1), (1, 2), (2, 3)):
        journal.append("promotion", "m", version, "why", {}, expected=before)
    return tmp_path / "journal"


def test_changed_entry_is_a_user_error(folder: Path) -> None:
    document = json.loads((folder / "000002.json").read_text())
    (folder / "000002.json").write_text(json.dumps(document | {"why": "another reason"}, indent=2, sort_keys=True))
    with pytest.raises(UserError, match=r"000003.json does not follow from the entry before it"):
        Journal(open_store(str(folder.parent))).entries()


def test_entry_with_changed_whitespace_is_a_user_error(folder: Path) -> None:
    path = folder / "000003.json"
    path.write_text(path.read_text() + "\n")
    journal = Journal(open_store(str(folder.parent)))
    journal.append("promotion", "m", 4, "why", {}, expected=3)
    assert len(journal.entries()) == 4
    path.write_text(path.read_text().rstrip())
    with pytest.raises(UserError, match=r"000004.json does not follow from the entry before it"):
        journal.entries()


def test_lost_entry_is_a_user_error(folder: Path) -> None:
    (folder / "000002.json").unlink()
    with pytest.raises(UserError, match=r"000003.json does not follow"):
        Journal(open_store(str(folder.parent))).entries()


def test_damaged_entry_is_a_user_error(folder: Path) -> None:
    (folder / "000001.json").write_bytes(b"\xff{")
    with pytest.raises(UserError, match=r"is damaged .*: restore the journal from a backup"):
        Journal(open_store(str(folder.parent))).entries()


def test_entry_at_returns_the_entry_in_force(folder: Path) -> None:
    entries = Journal(open_store(str(folder.parent))).entries()
    now = datetime.now(UTC)
    found = entry_at(entries, now + timedelta(seconds=1))
    assert found is not None
    assert found.version == 3
    assert entry_at(entries, now - timedelta(days=1)) is None


def test_entries_of_an_older_stemline_without_format_version_keep_their_chain(tmp_path: Path) -> None:
    old = {
        "before": 0, "by": "a@b", "evidence": {"sha256": "0"}, "kind": "promotion", "name": "m", "number": 1,
        "previous": "", "time": "2026-11-25T00:00:00+00:00", "version": 1, "why": "first",
    }  # fmt: skip
    data = (json.dumps(old, indent=2, sort_keys=True) + "\n").encode()
    store = open_store(str(tmp_path))
    store.write("journal/000001.json", data)
    second = Journal(store).append("promotion", "m", 2, "why", {}, expected=1)
    assert second.previous == sha256(data).hexdigest()
    assert [entry.version for entry in Journal(store).entries()] == [1, 2]
