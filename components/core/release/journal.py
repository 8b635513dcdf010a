"""What was live when, and why: a journal that is only ever appended to.

The registry knows who is the champion; it forgets who was. The journal lies in a store, a folder or a bucket, one file
an entry: `000001.json`, `000002.json` … A store lets only one create a file, so of two that promote at the same moment
one writes the next number, and the other is told. Each entry holds the SHA-256 of the one before: an entry that was
changed or taken out shows. docs/decisions/0015.
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

Kind = Literal["promotion", "rollback", "adoption"]

ENTRY = "journal.entry"
"""Tag of the registered model: number and SHA-256 of the entry that its aliases stand for; and of a version: the number
of the entry that made it live last."""

PLACE = "STEMLINE_JOURNAL"
"""Environment variable: where the journal lies, whatever params.yaml says; for machines that share one."""

_FOLDER = "journal"
_DIGITS = 6


class Overtaken(UserError):  # noqa: N818
    """Somebody else wrote the next entry first."""


class Entry(Document):
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
    kind: Kind
    name: str
    version: int
    before: int
    by: str
    why: str
    evidence: dict[str, Any] = Field(default_factory=dict)
    previous: str = ""
    digest: str = Field(default="", exclude=True)

    def with_digest(self, stored: bytes) -> "Entry":
        """Return the entry with the SHA-256 of its file, which holds `stored`."""
        return self.model_copy(update={"digest": sha256(stored).hexdigest()})


class Journal:
    """The journal in `store`; it may hold entries of several registered models."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def address(self) -> str:
        """Where its entries lie."""
        return self._store.describe(_FOLDER)

    def entries(self) -> list[Entry]:
        """Return all entries in their order; raises UserError where one is missing, changed, or no entry at all."""
        names = sorted(name for name in self._store.names(_FOLDER) if name.endswith(".json"))
        entries: list[Entry] = []
        for number, name in enumerate(names, start=1):
            key = f"{_FOLDER}/{name}"
            data = self._store.read(key) or b""
            entry = Entry.parse(data, self._store.describe(key)).with_digest(data)
            if entry.number != number or name != _name(number) or entry.previous != _digest_of_last(entries):
                raise UserError(
                    f"{self._store.describe(key)} does not follow from the entry before it: the journal was changed "
                    "or lost a file; restore it from a backup"
                )
            entries.append(entry)
        return entries

    def of(self, name: str) -> list[Entry]:
        """Return the entries of the registered model `name`."""
        return [entry for entry in self.entries() if entry.name == name]

    def append(
        self, kind: Kind, name: str, version: int, why: str, evidence: Mapping[str, Any], expected: int
    ) -> Entry:
        """Write that `version` of the model is live now, in place of the `expected` one.

        Raises Overtaken when another entry was written meanwhile.
        """
        while True:
            entries = self.entries()
            of_name = [entry for entry in entries if entry.name == name]
            before = of_name[-1].version if of_name else 0
            if before != expected:
                raise Overtaken(_overtaken(of_name[-1] if of_name else None, version))
            now = datetime.now(UTC).isoformat(timespec="seconds")
            number = len(entries) + 1
            previous = _digest_of_last(entries)
            entry = Entry(
                number=number, time=now, kind=kind, name=name, version=version, before=before, by=whoami(), why=why,
                evidence=dict(evidence), previous=previous,
            )  # fmt: skip
            data = entry.text().encode()
            if self._store.create(f"{_FOLDER}/{_name(number)}", data):
                return entry.with_digest(data)
            if (taken := self.entries()[number - 1]).name == name:
                raise Overtaken(_overtaken(taken, version))
            # another model's: this one's last entry is what it was


def open_journal(place: str) -> Journal:
    """Return the journal in STEMLINE_JOURNAL, or else at `place`: a folder or s3://bucket/folder.

    A relative folder lies in the workspace.
    """
    place = os.environ.get(PLACE) or place
    return Journal(open_store(place if place.startswith(S3) else str(SHARED / Path(place))))


def live_at(entries: list[Entry], moment: datetime) -> Entry | None:
    """Return the entry that was in force at a moment, or None before the first."""
    in_force = [entry for entry in entries if datetime.fromisoformat(entry.time) <= moment]
    return in_force[-1] if in_force else None


def whoami() -> str:
    """Return who does this: a flow run of Prefect, or a user of a host."""
    run = os.environ.get("PREFECT__FLOW_RUN_ID", "")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user that has no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}{f', Prefect flow run {run}' if run else ''}"


def _overtaken(entry: Entry | None, version: int) -> str:
    if entry is None:  # the caller saw an entry that is not there any more
        return f"version {version} was not made live: the journal lost its entries meanwhile; restore it from a backup"
    return (
        f"version {version} was not made live: meanwhile {entry.by} made version {entry.version} of {entry.name} the "
        f"live one ({entry.kind}, {entry.time}); judge again"
    )


def _name(number: int) -> str:
    return f"{number:0{_DIGITS}d}.json"


def _digest_of_last(entries: list[Entry]) -> str:
    return entries[-1].digest if entries else ""
