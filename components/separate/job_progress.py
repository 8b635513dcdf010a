"""The progress of a job, by the bytes of its recordings: their lengths are not known before they are read."""

import time

from components.core.base.progress import Progress, format_duration
from components.core.stores.selection import ListedFile
from components.separate.ledger.ledger_table import Row
from components.separate.listing.plan import Task
from components.separate.workers.messages import Progressed


class JobProgress:
    """Prints the progress of a job, from its workers' messages."""

    def __init__(self, tasks: list[Task]) -> None:
        self._progress = Progress("separate", sum(task.entry.size for task in tasks) / 1e6, "MB")
        self._total, self._started = len(tasks), time.monotonic()
        self._sizes = {task.entry.key: task.entry.size for task in tasks}
        self._ended, self._bad, self._bytes, self._seconds = 0, 0, 0, 0.0
        self._running: dict[str, Progressed] = {}

    def advance(self, message: Progressed) -> None:
        """Take a worker's message about a recording that it separates."""
        self._running[message.key] = message
        self._print()

    def finish(self, entry: ListedFile, row: Row) -> None:
        """Take the row of a recording that has ended."""
        self._running.pop(entry.key, None)
        self._ended += 1
        self._bytes += entry.size
        self._bad += row.state in ("quarantined", "failed")
        self._seconds += row.seconds if row.state == "done" else 0
        self._print()

    def _print(self) -> None:
        running = sum(message.share * self._sizes[key] for key, message in self._running.items())
        self._progress.advance((self._bytes + running) / 1e6 - self._progress.done, self._make_note())

    def _make_note(self) -> str:
        seconds = self._seconds + sum(message.seconds for message in self._running.values())
        speed = seconds / max(time.monotonic() - self._started, 1e-9)
        bad = f", {self._bad} bad" if self._bad else ""
        audio = format_duration(seconds)
        return f"{self._ended} of {self._total} recordings{bad}, {audio} of audio, {speed:.1f}x real time"
