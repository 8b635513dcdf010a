"""The ledger of a job while the job runs: a row for each recording, and the sums over all of them."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from components.core.sound.training_profile import DriftMeter, Profile
from components.separate.config import FlagLimits
from components.separate.ledger.ledger_table import NOT_SEPARATED, LedgerWriter, Row, printable_key
from components.separate.recording.quality_flags import find_flags

_MOST_REASONS = 20


class JobLedger:
    """Takes the rows of a job, gives them their flags, writes them to the ledger, and sums them up in bounded memory.

    states             recordings by state
    flagged            recordings that have a flag
    audio_seconds      length of the recordings that were separated now
    catalogue_seconds  length of all recordings whose length is known
    not_separated      quarantined and failed recordings
    reasons            the first lines about them
    """

    def __init__(
        self,
        path: Path,
        limits: FlagLimits,
        profile: Profile | None = None,
        done_by_shards: Mapping[str, Row] | None = None,
    ) -> None:
        """Write to `path`; a row of `done_by_shards`, by key, replaces that of a recording that is skipped here."""
        self.states: Counter[str] = Counter()
        self.flagged, self.not_separated = 0, 0
        self.audio_seconds, self.catalogue_seconds = 0.0, 0.0
        self.reasons: list[str] = []
        self._writer, self._limits = LedgerWriter(path), limits
        self._done_by_shards = done_by_shards or {}
        self._drift = DriftMeter(profile) if profile is not None else None

    def add(self, row: Row) -> None:
        """Add a row."""
        if row.state == "skipped":
            row = self._done_by_shards.get(printable_key(row.key), row)
        if row.figures:
            row = replace(row, flags=find_flags(row.figures, self._limits))
        self._writer.add(row)
        self._count(row)
        if self._drift is not None:
            self._drift.add(row.features)

    def _count(self, row: Row) -> None:
        self.states[row.state] += 1
        self.flagged += bool(row.flags)
        self.catalogue_seconds += row.seconds
        self.audio_seconds += row.seconds if row.state == "done" else 0.0
        if row.state in NOT_SEPARATED:
            self.not_separated += 1
            if len(self.reasons) < _MOST_REASONS:
                self.reasons.append(f"{row.state}: {printable_key(row.key)}: {printable_key(row.reason)}")

    def close(self) -> float | None:
        """Finish the ledger; return the drift from the profile of the model, in standard deviations.

        None when there is no profile, or no row has features.
        """
        self._writer.close()
        drift = math.nan if self._drift is None else self._drift.result()
        return None if math.isnan(drift) else drift
