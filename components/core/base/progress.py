"""Progress of long work as plain lines, which read the same in a terminal, a Prefect log and a file."""

import sys
import time


class Progress:
    """Counts finished work and prints, at most every `interval` seconds, how much, how fast, and the time left."""

    def __init__(self, label: str, total: float, unit: str, done: float = 0, interval: float = 5.0) -> None:
        self.label, self.total, self.unit, self.interval = label, total, unit, interval
        self.done = self._done_at_start = done
        self._started = self._printed = time.monotonic()

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Add `amount` units of finished work; print a line when `interval` has passed."""
        self.done += amount
        now = time.monotonic()
        if now - self._printed >= self.interval:
            self._printed = now
            print(self._line(note), file=sys.stderr, flush=True)

    def _line(self, note: str) -> str:
        elapsed = max(time.monotonic() - self._started, 1e-9)
        rate = (self.done - self._done_at_start) / elapsed
        remaining = self.total - self.done
        share = 100 * self.done / self.total if self.total else 100
        text = f"{self.label}: {self.done:.6g}/{self.total:.6g} {self.unit} ({share:.0f} %), {rate:.3g} {self.unit}/s"
        left = f", {format_duration(remaining / rate)} left" if rate > 0 and remaining > 0 else ""
        return f"{text}{left}{'; ' + note if note else ''}"


def format_duration(seconds: float) -> str:
    """Return a duration as m:ss or h:mm:ss."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
