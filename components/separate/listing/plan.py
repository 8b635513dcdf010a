"""The plan of a job: the source's listing compared with the destination, before anything is done."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from components.core.data.stem_provenance import Provenance, StemSettings
from components.core.stores.selection import PROVENANCE, ListedFile
from components.core.stores.store import Store
from components.separate.ledger.claims import CLAIMS, claim_folder
from components.separate.ledger.destination_documents import provenance_key, read_document
from components.separate.ledger.ledger_table import Row, describe_stems
from components.separate.ledger.quarantine import QUARANTINE, QuarantineRecord, quarantine_key

NEW, OTHER_SOURCE, OTHER_SETTINGS = "new", "the recording changed", "other model or options"
_READS_AT_ONCE = 16
_DONE = f"/{PROVENANCE}"


@dataclass(frozen=True)
class Task:
    """A recording to separate, and why."""

    entry: ListedFile
    why: str


@dataclass
class Plan:
    """The recordings to separate with `settings`, longest first, and how many need no work.

    `claimed` holds the keys of recordings that are done but still claimed, perhaps by a process that was killed;
    `unlisted` those of recordings that are done and are not among the entries.
    """

    settings: StemSettings
    tasks: list[Task] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    done: int = 0
    quarantined: int = 0

    def __str__(self) -> str:
        """Return the counts and the reasons in one line."""
        why = Counter(task.why for task in self.tasks)
        reasons = f" ({', '.join(f'{count} {text}' for text, count in sorted(why.items()))})" if why else ""
        total = len(self.tasks) + self.done + self.quarantined
        return (
            f"{total} recordings: {self.done} done before, {self.quarantined} in quarantine, "
            f"{len(self.tasks)} to do{reasons}"
        )


def make_plan(
    entries: list[ListedFile],
    destination: Store,
    settings: StemSettings,
    add_row: Callable[[Row], None],
    retry_quarantined: bool = False,
) -> Plan:
    """Plan which of `entries` are separated; `add_row` gets the row of each recording that needs no work.

    The longest come first, by the size of their files, so that no long one is left for the end.
    """
    present = {key for key in destination.keys() if _is_relevant(key)}  # noqa: SIM118  (a store is no dict)
    claimed = {key.rpartition("/")[0] for key in present if key.startswith(CLAIMS)}
    separated = {key.removesuffix(_DONE) for key in present if key.endswith(_DONE)}
    plan = Plan(settings, unlisted=sorted(separated - {entry.key for entry in entries}))
    for entry, provenance, record in _read_documents(entries, destination, present):
        if record is not None and record.is_about(entry) and not retry_quarantined:
            plan.quarantined += 1
            add_row(record.row())
        elif provenance is None:
            plan.tasks.append(Task(entry, NEW))
        elif not provenance.settings.makes_same_stems(settings):
            plan.tasks.append(Task(entry, OTHER_SETTINGS))
        elif not is_same_file(provenance, entry):
            plan.tasks.append(Task(entry, OTHER_SOURCE))
        else:
            plan.done += 1
            if claim_folder(entry.key) in claimed:
                plan.claimed.append(entry.key)
            add_row(describe_stems("skipped", entry, provenance))
    plan.tasks.sort(key=lambda task: (-task.entry.size, task.entry.key))
    return plan


def is_same_file(provenance: Provenance, entry: ListedFile) -> bool:
    """Return whether stems were made from the file that is listed now, as far as its size and stamp show."""
    return (provenance.source.bytes, provenance.source.stamp) == (entry.size, entry.stamp)


def _is_relevant(key: str) -> bool:
    return key.endswith(_DONE) or key.startswith((f"{QUARANTINE}/", f"{CLAIMS}/"))


_Documents = tuple[ListedFile, Provenance | None, QuarantineRecord | None]


def _read_documents(entries: list[ListedFile], destination: Store, present: set[str]) -> Iterator[_Documents]:
    """Yield each entry with its documents at the destination; several are read at once."""

    def read(entry: ListedFile) -> _Documents:
        provenance, record = provenance_key(entry.key), quarantine_key(entry.key)
        return (
            entry,
            read_document(destination, provenance, Provenance) if provenance in present else None,
            read_document(destination, record, QuarantineRecord) if record in present else None,
        )

    with ThreadPoolExecutor(_READS_AT_ONCE) as pool:
        for first in range(0, len(entries), 1000):  # `map` alone would hold all documents in memory
            yield from pool.map(read, entries[first : first + 1000])
