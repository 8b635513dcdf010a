"""The quarantine: a record at the destination for each recording that can't be separated, with the reason."""

from components.core.base.documents import Document
from components.core.stores.selection import RECORDS, ListedFile
from components.core.stores.store import Store
from components.separate.ledger.destination_documents import digest_key, write_document
from components.separate.ledger.ledger_table import Row

QUARANTINE = f"{RECORDS}/quarantine"
"""The folder of the records: `<digest of the key>.json`."""


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
