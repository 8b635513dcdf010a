"""The ledger of a job while the job runs: a row for each recording, and the sums over all of them."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.core.sound.training_profile import DriftMeter, Profile
from components.separate.config import FlagLimits
from components.separate.ledger.ledger_table import STATES, LedgerWriter, Row, printable_key
from components.separate.recording.quality_flags import find_flags

_MOST_REASONS = 20


@dataclass
class JobSums:
    """The sums over the rows of a job, in bounded memory.

    drift    from the profile of the model, in standard deviations; None when there is no profile or no features
    reasons  the first lines about quarantined and failed recordings; `bad` counts all of them
    """

    states: Counter[str] = field(default_factory=Counter)
    flagged: int = 0
    audio_seconds: float = 0.0
    catalogue_seconds: float = 0.0
    drift: float | None = None
    bad: int = 0
    reasons: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return the number of recordings, in all and by state."""
        return {"listed": self.states.total(), **{state: self.states[state] for state in STATES}}

    def add(self, row: Row) -> None:
        """Add a row."""
        self.states[row.state] += 1
        self.flagged += bool(row.flags)
        self.catalogue_seconds += row.seconds
        self.audio_seconds += row.seconds if row.state == "done" else 0.0
        if row.reason:
            self.bad += 1
            if len(self.reasons) < _MOST_REASONS:
                self.reasons.append(f"{row.state}: {printable_key(row.key)}: {printable_key(row.reason)}")


class JobLedger:
    """Takes the rows of a job, gives them their flags, writes them to the ledger, and sums them up."""

    def __init__(
        self,
        path: Path,
        limits: FlagLimits,
        profile: Profile | None = None,
        done_by_shards: Mapping[str, Row] | None = None,
    ) -> None:
        """Write to `path`; a row of `done_by_shards`, by key, replaces that of a recording that is skipped here."""
        self.path = path
        self._writer, self._limits = LedgerWriter(path), limits
        self._done_by_shards = done_by_shards or {}
        self._drift = DriftMeter(profile) if profile is not None else None
        self._sums = JobSums()

    def add(self, row: Row) -> None:
        """Add a row."""
        if row.state == "skipped":
            row = self._done_by_shards.get(printable_key(row.key), row)
        if row.figures:
            row = replace(row, flags=find_flags(row.figures, self._limits))
        self._writer.add(row)
        self._sums.add(row)
        if self._drift is not None:
            self._drift.add(row.features)

    def close(self) -> JobSums:
        """Finish the ledger and return the sums."""
        self._writer.close()
        if self._drift is not None and not math.isnan(drift := self._drift.result()):
            self._sums.drift = drift
        return self._sums
