"""comparison.csv: one row per system."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from components.compare.config import CompareConfig
from components.compare.systems.records import SystemRecord, cost_columns, title_of
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
