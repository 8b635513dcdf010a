"""The results of a comparison, and comparison.csv: its page, tables and pictures are made from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from components.compare.config import CompareConfig
from components.compare.scores.gathered_scores import GatheredScores
from components.compare.scores.statistics import by_track
from components.compare.systems.records import SystemRecord, cost_columns, title_of
from components.compare.systems.row_names import is_baseline
from components.core.data.bootstrap import median_interval
from components.core.data.score_tables import METRIC, METRICS, SYSTEM, TARGET, VALUE
from components.core.data.scored_stems import AMONG


def systems_table(scores: pd.DataFrame, records: Mapping[str, SystemRecord], config: CompareConfig) -> pd.DataFrame:
    """Return one row per system.

    Its columns are for every target the medians over tracks, the interval of the median SDR, the number of tracks and
    the stems among which it was scored; then the costs.
    """
    rows = []
    for system, of_system in scores.groupby(SYSTEM, sort=False):
        row: dict[str, Any] = {"system": system, "title": title_of(str(system), records)}
        for target, of_target in of_system.groupby(TARGET, sort=False):
            row |= _target_columns(of_target, str(target), config)
        rows.append(row | cost_columns(str(system), records))
    return pd.DataFrame(rows)


def _target_columns(rows: pd.DataFrame, target: str, config: CompareConfig) -> dict[str, Any]:
    values = {metric: rows[rows[METRIC] == metric][VALUE].dropna().to_numpy(np.float64) for metric in METRICS}
    columns: dict[str, Any] = {
        f"{target} {metric}": float(np.median(known)) if known.size else float("nan")
        for metric, known in values.items()
    }
    if values["SDR"].size > 1:
        low, high = median_interval(values["SDR"], config.confidence, config.resamples, config.seed)
        columns |= {f"{target} SDR low": low, f"{target} SDR high": high}
    among = "; ".join(sorted(set(rows[AMONG])))
    return columns | {f"{target} tracks": len(values["SDR"]), f"{target} among": among}


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
        """Return the systems that were scored with another set of stems than most, and this set."""
        rows = self.gathered.scores[self.gathered.scores[TARGET] == target]
        other = rows[rows[AMONG] != self.gathered.usual[target]]
        return {str(system): str(among) for system, among in zip(other[SYSTEM], other[AMONG], strict=True)}

    def title(self, row: str, target: str) -> str:
        """Return a row's title, with a † when its scores of `target` cannot be compared with the rest."""
        return f"{title_of(row, self.records)}{' †' if row in self.scored_otherwise(target) else ''}"

    def _scored(self, target: str) -> pd.DataFrame:
        """Return the comparable SDRs: one row per track, one column per system, the best median first."""
        return by_track(self.gathered.comparable, target, "SDR").dropna(axis="columns", how="all")
