"""The journal of live versions: which version was live when, and why. Entries are only appended.

The registry knows the present champion and no earlier one. The journal is a folder or a bucket with one file per entry:
`000001.json`, `000002.json` … A store lets only one process create a file, so of two promotions at the same moment one
writes the next entry, and the other fails. Each entry holds the SHA-256 of the entry before, which reveals an entry
that was changed or deleted. docs/decisions/0015-promotion-journal.md.
"""

import getpass
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from components.core.base.documents import Document
from components.core.base.errors import UserError
from components.core.base.workspace import SHARED
from components.core.stores.opening import open_store
from components.core.stores.store import S3, Store

EntryKind = Literal["promotion", "rollback", "adoption"]

ENTRY_TAG = "journal.entry"
"""Tag of the registered model: number and SHA-256 of the entry that its aliases follow; and of a version: the number of
the entry that made it live last."""

JOURNAL_VARIABLE = "STEMLINE_JOURNAL"
"""Environment variable with the journal's address; it overrides params.yaml, for machines that share a journal."""

_FOLDER = "journal"
_DIGITS = 6


class JournalConflict(UserError):  # noqa: N818
    """Another process wrote the next entry first."""


class JournalEntry(Document):
    """One change of the live version: `version` in place of `before` (0: none).

    kind        promotion; rollback; adoption: somebody had moved the alias by hand, and the journal noted it
    by          the person or flow run that did it
    why         the gate's reasons, or the operator's
    evidence    digests of verdict and test set, the run, SHA-256 of the weights
    previous    SHA-256 of the file of the entry before; empty for the first
    digest      SHA-256 of this entry's file; not in the file
    """

    REMEDY: ClassVar[str] = "restore the journal from a backup"

    number: int
    time: str
    kind: EntryKind
    name: str
    version: int
    before: int
    by: str
    why: str
    evidence: dict[str, Any] = Field(default_factory=dict)
    previous: str = ""
    digest: str = Field(default="", exclude=True)

    def with_digest(self, stored: bytes) -> "JournalEntry":
        """Return the entry with the SHA-256 of its file, which holds `stored`."""
        return self.model_copy(update={"digest": sha256(stored).hexdigest()})


class Journal:
    """The journal in `store`; it may hold entries of several registered models."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def address(self) -> str:
        """The address of the entries."""
        return self._store.describe(_FOLDER)

    def entries(self) -> list[JournalEntry]:
        """Return all entries in order; raises UserError when one is missing, changed or damaged."""
        names = sorted(name for name in self._store.names(_FOLDER) if name.endswith(".json"))
        entries: list[JournalEntry] = []
        for number, name in enumerate(names, start=1):
            key = f"{_FOLDER}/{name}"
            data = self._store.read(key) or b""
            entry = JournalEntry.parse(data, self._store.describe(key)).with_digest(data)
            if entry.number != number or name != _file_name(number) or entry.previous != _last_digest(entries):
                raise UserError(
                    f"{self._store.describe(key)} does not follow from the entry before it: the journal was changed "
                    "or lost a file; restore it from a backup"
                )
            entries.append(entry)
        return entries

    def entries_of(self, name: str) -> list[JournalEntry]:
        """Return the entries of the registered model `name`."""
        return [entry for entry in self.entries() if entry.name == name]

    def append(
        self, kind: EntryKind, name: str, version: int, why: str, evidence: Mapping[str, Any], expected: int
    ) -> JournalEntry:
        """Write that `version` of the model is live now, in place of version `expected`.

        Raises JournalConflict when another entry about the model was written meanwhile.
        """
        while True:
            entries = self.entries()
            of_model = [entry for entry in entries if entry.name == name]
            before = of_model[-1].version if of_model else 0
            if before != expected:
                raise JournalConflict(_describe_conflict(of_model[-1] if of_model else None, version))
            now = datetime.now(UTC).isoformat(timespec="seconds")
            number = len(entries) + 1
            previous = _last_digest(entries)
            entry = JournalEntry(
                number=number, time=now, kind=kind, name=name, version=version, before=before,
                by=current_operator(), why=why, evidence=dict(evidence), previous=previous,
            )  # fmt: skip
            data = entry.text().encode()
            if self._store.create(f"{_FOLDER}/{_file_name(number)}", data):
                return entry.with_digest(data)
            if (taken := self.entries()[number - 1]).name == name:
                raise JournalConflict(_describe_conflict(taken, version))
            # the entry is about another model: try the next number


def open_journal(place: str) -> Journal:
    """Return the journal at STEMLINE_JOURNAL, or else at `place`: a folder or s3://bucket/folder.

    A relative folder is relative to the workspace.
    """
    place = os.environ.get(JOURNAL_VARIABLE) or place
    return Journal(open_store(place if place.startswith(S3) else str(SHARED / Path(place))))


def entry_at(entries: list[JournalEntry], moment: datetime) -> JournalEntry | None:
    """Return the entry in force at a moment; None before the first."""
    in_force = [entry for entry in entries if datetime.fromisoformat(entry.time) <= moment]
    return in_force[-1] if in_force else None


def current_operator() -> str:
    """Return the user and host of this process, and the flow run of Prefect if any."""
    run = os.environ.get("PREFECT__FLOW_RUN_ID", "")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, in a container
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}{f', Prefect flow run {run}' if run else ''}"


def _describe_conflict(entry: JournalEntry | None, version: int) -> str:
    if entry is None:  # the caller read an entry that is gone now
        return f"version {version} was not made live: the journal lost its entries meanwhile; restore it from a backup"
    return (
        f"version {version} was not made live: meanwhile {entry.by} made version {entry.version} of {entry.name} the "
        f"live one ({entry.kind}, {entry.time}); judge again"
    )


def _file_name(number: int) -> str:
    return f"{number:0{_DIGITS}d}.json"


def _last_digest(entries: list[JournalEntry]) -> str:
    return entries[-1].digest if entries else ""
