"""The account of a job: every recording in the ledger, and what they come to together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from components.separate.ledger.ledger_table import STATES, LedgerWriter, Row, shown
from components.separate.recording.quality import FlagLimits, flags
from components.separate.recording.stem_settings import Recipe


@dataclass(frozen=True)
class Summary:
    """What a job comes to; times in seconds, `audio_seconds` of what was separated now.

    listed = done + skipped + quarantined + failed; `later` is what a limit left out, `drift` how far the catalogue is
    from what the model was trained on (NaN: not known), and `drifted` whether that is over its limit.
    """

    recipe: Recipe
    listed: int
    done: int
    skipped: int
    quarantined: int
    failed: int
    later: int
    flagged: int
    audio_seconds: float
    catalogue_seconds: float
    wall_seconds: float
    price_per_hour: float
    drift: float
    drifted: bool
    stopped: str

    @property
    def model(self) -> str:
        """The model's name, and its version where it has one."""
        return " ".join(str(self.recipe.model[part]) for part in ("name", "version") if self.recipe.model[part])

    @property
    def speed(self) -> float:
        """Seconds of audio a second."""
        return self.audio_seconds / self.wall_seconds if self.wall_seconds else 0.0

    @property
    def price_per_audio_hour(self) -> float:
        """What an hour of audio cost, at the stated price of the machine."""
        return self.price_per_hour / self.speed if self.speed else 0.0

    def document(self) -> dict[str, Any]:
        """Return what summary.json holds."""
        return {**asdict(self), "speed": self.speed, "price_per_audio_hour": self.price_per_audio_hour}

    def __str__(self) -> str:
        """Say it in one line; the counts add up."""
        parts = [f"{self.done} done", f"{self.skipped} done before", f"{self.quarantined} quarantined"]
        later = f" ({self.later} left for later)" if self.later else ""
        return f"{self.listed} recordings = {' + '.join(parts)} + {self.failed} failed{later}"


class Account:
    """Takes rows as they come, marks those to be looked at, and keeps only sums of them in memory."""

    def __init__(self, ledger: Path, limits: FlagLimits, done_elsewhere: Mapping[str, Row] | None = None) -> None:
        """Write to `ledger`; rows of `done_elsewhere`, by key, were done by others for the same job."""
        self._writer, self._limits = LedgerWriter(ledger), limits
        self._done_elsewhere = done_elsewhere or {}
        self._states: Counter[str] = Counter()
        self._flagged = 0
        self._done_seconds = self._all_seconds = 0.0

    def add(self, row: Row) -> None:
        """Enter what became of a recording."""
        if row.state == "skipped":
            row = self._done_elsewhere.get(shown(row.key), row)
        row = replace(row, flags=flags(row.figures, self._limits)) if row.figures else row
        self._writer.add(row)
        self._states[row.state] += 1
        self._flagged += bool(row.flags)
        self._all_seconds += row.seconds
        self._done_seconds += row.seconds if row.state == "done" else 0.0

    def close(self) -> dict[str, Any]:
        """End the ledger; return the sums, as Summary has them."""
        self._writer.close()
        counts: dict[str, int] = {state: self._states[state] for state in STATES}
        return {
            "listed": self._states.total(),
            **counts,
            "flagged": self._flagged,
            "audio_seconds": self._done_seconds,
            "catalogue_seconds": self._all_seconds,
        }
