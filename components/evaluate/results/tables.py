"""The tables of scores, and metrics.json: the medians for `dvc metrics`."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from components.core.data.bootstrap import median_interval
from components.core.data.score_tables import (
    FRAMES,
    METRIC,
    METRICS,
    NAN_FRAMES,
    REASON,
    SDR_HIGH,
    SDR_LOW,
    SYSTEM,
    TARGET,
    TRACK,
    TRACKS,
    UNSCORED,
    VALUE,
)
from components.evaluate.scoring.track_scores import TrackScores, median_of_frames

CONFIDENCE = 0.95
"""Of the interval of a median over tracks."""

_RESAMPLES, _SEED = 10_000, 7
_DECIMALS = 6
_SYSTEM_AND_TARGET = [SYSTEM, TARGET]


def score_table(scores: Sequence[TrackScores]) -> pd.DataFrame:
    """Return scores.csv: the median over frames of every track, system, target and metric."""
    rows = [
        {
            TRACK: score.track,
            SYSTEM: score.system,
            TARGET: target,
            METRIC: metric,
            VALUE: round(median_of_frames(values), _DECIMALS),
            FRAMES: values.size,
            NAN_FRAMES: int(values.size - np.isfinite(values).sum()),
            REASON: score.reason,
        }
        for score in scores
        for target, by_metric in zip(score.targets, score.values, strict=True)
        for metric, values in zip(METRICS, by_metric, strict=True)
    ]
    return pd.DataFrame(rows)


def median_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return table.csv from scores.csv: medians over tracks, the interval of the median SDR, and counts.

    `nan_frames` counts the frames of the metric that has the most of them on a track.
    """
    groups = scores.groupby(_SYSTEM_AND_TARGET, sort=False)
    medians = groups.apply(lambda rows: rows.groupby(METRIC)[VALUE].median())[list(METRICS)].round(_DECIMALS)
    sdr = scores[scores[METRIC] == "SDR"].groupby(_SYSTEM_AND_TARGET, sort=False)
    bounds = sdr[VALUE].apply(_median_interval)
    medians[SDR_LOW], medians[SDR_HIGH] = (bounds.str[side].round(_DECIMALS) for side in (0, 1))
    medians[TRACKS] = sdr[VALUE].count()
    medians[UNSCORED] = sdr[VALUE].apply(lambda values: int(values.isna().sum()))
    medians[FRAMES] = sdr[FRAMES].sum()
    per_track = scores.groupby([*_SYSTEM_AND_TARGET, TRACK], sort=False)[NAN_FRAMES].max()
    medians[NAN_FRAMES] = per_track.groupby(_SYSTEM_AND_TARGET, sort=False).sum()
    return medians.reset_index()


def metrics_by_system(medians: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Return metrics.json from table.csv: system > target > metric, without metrics that have no score.

    The counts of a system stand beside its targets; each is that of the target with the fewest scores.
    """
    document: dict[str, dict[str, object]] = {}
    for system, rows in medians.groupby(SYSTEM, sort=False):
        targets: dict[str, object] = {
            str(row[TARGET]): {metric: float(row[metric]) for metric in METRICS if np.isfinite(row[metric])}
            for _, row in rows.iterrows()
        }
        counts = {TRACKS: int(rows[TRACKS].min())}
        counts |= {column: int(rows[column].max()) for column in (UNSCORED, FRAMES, NAN_FRAMES)}
        document[str(system)] = targets | counts
    return document


def _median_interval(values: "pd.Series[float]") -> tuple[float, float]:
    known = np.asarray(values.dropna(), dtype=np.float64)
    return median_interval(known, CONFIDENCE, _RESAMPLES, _SEED) if len(known) else (float("nan"), float("nan"))
