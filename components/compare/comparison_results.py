"""The results of a comparison, from which its page, tables and pictures are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from components.compare.config import CompareConfig
from components.compare.scores.gathered_scores import GatheredScores
from components.compare.scores.statistics import by_track
from components.compare.systems.baselines import is_baseline
from components.compare.systems.records import SystemRecord, title_of
from components.core.data.score_tables import SYSTEM, TARGET
from components.core.data.scored_stems import AMONG


@dataclass(frozen=True)
class Comparison:
    """All results of a comparison: `summary` has one row per system, `pairs` one row per pair of systems."""

    gathered: GatheredScores
    summary: pd.DataFrame
    pairs: pd.DataFrame
    records: Mapping[str, SystemRecord]
    config: CompareConfig
    day: date
    commit: str

    @property
    def targets(self) -> list[str]:
        """All targets, in the order of the scores."""
        return self.gathered.targets

    def reference(self, target: str) -> str | None:
        """Return the system that pictures compare with: `compare.reference` where it has scores, else the best."""
        if self.config.reference is None or self.misses_reference(target):
            return self.best_system(target)
        return self.config.reference

    def misses_reference(self, target: str) -> bool:
        """Return whether `compare.reference` is set and has no comparable scores of this target."""
        return self.config.reference is not None and self.config.reference not in self._scored(target)

    def best_system(self, target: str) -> str | None:
        """Return the system with the best median SDR, baselines left out; None when there is none.

        Only systems with the most scored tracks count: a median of fewer, perhaps easier tracks is not better.
        """
        table = self._scored(target)
        counts = {str(name): int(table[name].count()) for name in table if not is_baseline(str(name))}
        return next((name for name, count in counts.items() if count == max(counts.values())), None)

    def scored_otherwise(self, target: str) -> dict[str, str]:
        """Return the systems that were scored among other stems than most, and these stems."""
        rows = self.gathered.scores[self.gathered.scores[TARGET] == target]
        other = rows[rows[AMONG] != self.gathered.usual[target]]
        return {str(system): str(among) for system, among in zip(other[SYSTEM], other[AMONG], strict=True)}

    def title(self, row: str, target: str) -> str:
        """Return a row's title, with a † when its scores of `target` cannot be compared with the rest."""
        return f"{title_of(row, self.records)}{' †' if row in self.scored_otherwise(target) else ''}"

    def _scored(self, target: str) -> pd.DataFrame:
        """Return the comparable SDRs: one row per track, one column per system, the best median first."""
        return by_track(self.gathered.comparable, target, "SDR").dropna(axis="columns", how="all")
