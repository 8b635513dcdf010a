"""What is to do, before anything is done: the source's listing beside what the destination has."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from components.core.stores.store import PROVENANCE, ListedFile, Store
from components.separate.ledger.claims import CLAIMS, claim_folder
from components.separate.ledger.destination_documents import provenance_key, read_provenance, same_recipe, same_source
from components.separate.ledger.quarantine import QUARANTINE, Quarantined, quarantine_key, read_quarantined
from components.separate.recording.stem_settings import Recipe

NEW, OTHER_SOURCE, OTHER_RECIPE = "new", "the recording changed", "other model or options"
_ASKED_AT_ONCE = 16


@dataclass(frozen=True)
class Task:
    """A recording to separate, and why."""

    entry: ListedFile
    why: str


@dataclass
class Plan:
    """The recordings to separate; those done before and in quarantine were handed on one by one.

    `claimed` are keys of done ones that are still claimed, perhaps by a process that was killed just after.
    """

    tasks: list[Task] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)
    done: int = 0
    quarantined: int = 0

    def __str__(self) -> str:
        """Say what is to do and why, in one line."""
        why = Counter(task.why for task in self.tasks)
        reasons = f" ({', '.join(f'{count} {text}' for text, count in sorted(why.items()))})" if why else ""
        total = len(self.tasks) + self.done + self.quarantined
        return (
            f"{total} recordings: {self.done} done before, {self.quarantined} in quarantine, "
            f"{len(self.tasks)} to do{reasons}"
        )


@dataclass(frozen=True)
class Known:
    """Who is told of recordings that need no work: `done` of each one's provenance, `quarantined` of its record."""

    done: Callable[[ListedFile, dict[str, Any]], None]
    quarantined: Callable[[Quarantined], None]


def make_plan(entries: list[ListedFile], destination: Store, recipe: Recipe, known: Known, again: bool = False) -> Plan:
    """Sort out which of `entries` are to be separated; `again` tries those in quarantine once more.

    Longest first, by their size, so that no long one is left for the end.
    """
    there = {key for key in destination.keys() if _says_something(key)}  # noqa: SIM118  (a store is no dict)
    claimed = {key.rpartition("/")[0] for key in there if key.startswith(CLAIMS)}
    plan = Plan()
    for entry, provenance, record in _asked(entries, destination, there):
        if record is not None and record.holds(entry) and not again:
            plan.quarantined += 1
            known.quarantined(record)
        elif (why := _why(entry, provenance, recipe)) is None:
            plan.done += 1
            if claim_folder(entry.key) in claimed:
                plan.claimed.append(entry.key)
            known.done(entry, provenance)
        else:
            plan.tasks.append(Task(entry, why))
    plan.tasks.sort(key=lambda task: (-task.entry.size, task.entry.key))
    return plan


def _says_something(key: str) -> bool:
    return key.endswith(f"/{PROVENANCE}") or key.startswith((f"{QUARANTINE}/", f"{CLAIMS}/"))


def _why(entry: ListedFile, provenance: dict[str, Any], recipe: Recipe) -> str | None:
    if not provenance:
        return NEW
    if not same_recipe(provenance, recipe):
        return OTHER_RECIPE
    return None if same_source(provenance, entry) else OTHER_SOURCE


def _asked(
    entries: list[ListedFile], destination: Store, there: set[str]
) -> Iterator[tuple[ListedFile, dict[str, Any], Quarantined | None]]:
    """Yield each entry with what the destination says of it; only what is there is read, several at a time."""

    def ask(entry: ListedFile) -> tuple[ListedFile, dict[str, Any], Quarantined | None]:
        done = read_provenance(destination, entry.key) if provenance_key(entry.key) in there else {}
        bad = read_quarantined(destination, entry.key) if quarantine_key(entry.key) in there else None
        return entry, done, bad

    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        for first in range(0, len(entries), 1000):  # `map` alone would hold all answers
            yield from pool.map(ask, entries[first : first + 1000])
