"""Documents at the destination: where each lies, and how it is read and written."""

import hashlib
import json
import os
from typing import TypeVar

from pydantic import ValidationError

from components.core.base.documents import Document
from components.core.stores.selection import PROVENANCE, RECORDS, ListedFile
from components.core.stores.store import Store
from components.separate.ledger.ledger_table import Row

QUARANTINE = f"{RECORDS}/quarantine"
"""The folder of the records of recordings that can't be separated: `<digest of the key>.json`."""

DocumentT = TypeVar("DocumentT", bound=Document)


def provenance_key(key: str) -> str:
    """Return the key of a recording's provenance file."""
    return f"{key}/{PROVENANCE}"


def digest_key(key: str) -> str:
    """Return a file name of fixed length that stands for a recording's key."""
    return hashlib.sha256(os.fsencode(key)).hexdigest()[:32]


def read_document(store: Store, key: str, document: type[DocumentT]) -> DocumentT | None:
    """Return the document at `key`; None where there is none, or a damaged one: it is then made again."""
    return parse_document(store.read(key), document)


def parse_document(data: bytes | None, document: type[DocumentT]) -> DocumentT | None:
    """Return the document that JSON holds; None for no data and for damaged data.

    Unlike `Document.parse` it accepts names that are not UTF-8.
    """
    try:
        values = json.loads(data or b"")
        values.pop("format_version", None)
        return document.model_validate(values)
    except (ValueError, AttributeError, TypeError, ValidationError):
        return None


def write_document(store: Store, key: str, document: Document) -> None:
    """Write a document to `key`, whole or not at all."""
    store.write(key, encode_document(document))


def encode_document(document: Document) -> bytes:
    """Return a document as readable JSON; names that are not UTF-8 keep their bytes."""
    text = json.dumps(document.values(), indent=2, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode("utf-8", "surrogatepass")


class QuarantineRecord(Document):
    """Why a recording can't be separated; `size` and `stamp` change when it is replaced."""

    key: str
    size: int
    stamp: str
    reason: str
    attempts: int

    def is_about(self, entry: ListedFile) -> bool:
        """Return whether the recording is still the one that was put in quarantine."""
        return (self.key, self.size, self.stamp) == tuple(entry)

    def row(self) -> Row:
        """Return the recording's row of the ledger."""
        return Row(key=self.key, state="quarantined", bytes=self.size, reason=self.reason, attempts=self.attempts)


def quarantine_key(key: str) -> str:
    """Return the key of a recording's quarantine record."""
    return f"{QUARANTINE}/{digest_key(key)}.json"


def put_in_quarantine(store: Store, entry: ListedFile, reason: str, attempts: int) -> Row:
    """Write a quarantine record, and return the recording's row of the ledger."""
    record = QuarantineRecord(key=entry.key, size=entry.size, stamp=entry.stamp, reason=reason, attempts=attempts)
    write_document(store, quarantine_key(entry.key), record)
    return record.row()
