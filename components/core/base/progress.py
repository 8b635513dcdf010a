"""Progress of long work as plain lines, which read the same in a terminal, a Prefect log and a file."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class Progress:
    """Counts work done and says, at most every `interval` seconds, how far it is, how fast, and how long it takes."""

    def __init__(self, label: str, total: float, unit: str, done: float = 0, interval: float = 5.0) -> None:
        self.label, self.total, self.unit, self.interval = label, total, unit, interval
        self.done = self._done_at_start = done
        self._started = self._said = time.monotonic()

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Add `amount` units of finished work; print a line if it is time for one."""
        self.done += amount
        now = time.monotonic()
        if now - self._said >= self.interval:
            self._said = now
            self.say(note)

    def say(self, note: str = "") -> None:
        """Print where the work is now."""
        elapsed = max(time.monotonic() - self._started, 1e-9)
        rate = (self.done - self._done_at_start) / elapsed
        left = (
            f", {format_duration((self.total - self.done) / rate)} left" if rate > 0 and self.done < self.total else ""
        )
        share = 100 * self.done / self.total if self.total else 100
        text = f"{self.label}: {self.done:.6g}/{self.total:.6g} {self.unit} ({share:.0f} %), {rate:.3g} {self.unit}/s"
        print(f"{text}{left}{'; ' + note if note else ''}", file=sys.stderr, flush=True)


def with_progress(items: Iterable[Item], label: str, total: int, unit: str) -> Iterator[Item]:
    """Pass `items` through, counting each one when the next is asked for."""
    progress = Progress(label, total, unit)
    for item in items:
        yield item
        progress.advance()


def format_duration(seconds: float) -> str:
    """Return a duration as m:ss or h:mm:ss."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
