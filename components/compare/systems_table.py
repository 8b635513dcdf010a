"""The comparison in numbers: one row a system."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from components.compare.config import CompareConfig
from components.compare.scores.statistics import by_track
from components.compare.systems.baselines import is_fixed
from components.compare.systems.description import Facts, cost_columns, title_of
from components.core.data.bootstrap import median_interval
from components.core.data.metric_names import METRICS


def summarise(scores: pd.DataFrame, facts: Mapping[str, Facts], config: CompareConfig) -> pd.DataFrame:
    """Return a row a system: of every target medians over tracks, the SDR's interval, tracks scored, among which
    stems; and the costs.
    """
    rows = []
    for system, of_system in scores.groupby("system", sort=False):
        row: dict[str, Any] = {"system": system, "title": title_of(str(system), facts)}
        for target, of_target in of_system.groupby("target", sort=False):
            row |= _target_columns(of_target, str(target), config)
        rows.append(row | cost_columns(str(system), facts))
    return pd.DataFrame(rows)


def best_system(scores: pd.DataFrame, target: str) -> str | None:
    """Return the system, none that knows the answer, with the best median SDR; None where there is none.

    Of those that were scored on most tracks: a median of fewer, maybe easier ones says nothing against theirs.
    """
    table = by_track(scores, target, "SDR").dropna(axis="columns", how="all")
    counts = {str(name): int(table[name].count()) for name in table if not is_fixed(str(name))}
    return next((name for name, count in counts.items() if count == max(counts.values())), None)


def _target_columns(rows: pd.DataFrame, target: str, config: CompareConfig) -> dict[str, Any]:
    values = {metric: rows[rows["metric"] == metric]["value"].dropna().to_numpy(np.float64) for metric in METRICS}
    columns: dict[str, Any] = {
        f"{target} {metric}": float(np.median(known)) if known.size else float("nan")
        for metric, known in values.items()
    }
    if values["SDR"].size > 1:
        low, high = median_interval(values["SDR"], config.confidence, config.resamples, config.seed)
        columns |= {f"{target} SDR low": low, f"{target} SDR high": high}
    among = "; ".join(sorted(set(rows["among"])))
    return columns | {f"{target} tracks": len(values["SDR"]), f"{target} among": among}
