"""Recordings that can't be separated, each with its reason, in the destination's books.

_stemline/quarantine/<digest of the key>.json
"""

from dataclasses import asdict, dataclass

from components.core.stores.store import RECORDS, ListedFile, Store
from components.separate.ledger.destination_documents import as_json, digest_key, parse_json
from components.separate.ledger.ledger_table import Row

QUARANTINE = f"{RECORDS}/quarantine"


@dataclass(frozen=True)
class Quarantined:
    """A recording that can't be separated, and why; `size` and `stamp` tell when it was replaced."""

    key: str
    size: int
    stamp: str
    reason: str
    attempts: int

    def holds(self, entry: ListedFile) -> bool:
        """Whether it is about the recording as it is now."""
        return (self.key, self.size, self.stamp) == tuple(entry)

    def row(self) -> Row:
        """Return the recording's row of the ledger."""
        return Row(self.key, "quarantined", self.size, self.reason, attempts=self.attempts)


def quarantine_key(key: str) -> str:
    """Return where it is written down that a recording can't be separated."""
    return f"{QUARANTINE}/{digest_key(key)}.json"


def quarantine(store: Store, entry: ListedFile, reason: str, attempts: int) -> Row:
    """Write down that a recording can't be separated, and return its row."""
    record = Quarantined(*entry, reason, attempts)
    store.write(quarantine_key(entry.key), as_json(asdict(record)))
    return record.row()


def read_quarantined(store: Store, key: str) -> Quarantined | None:
    """Return a recording's record; None where there is none, or a damaged one."""
    try:
        return Quarantined(**parse_json(store.read(quarantine_key(key))))
    except TypeError:
        return None
