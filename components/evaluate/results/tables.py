"""The tables of scores: as files, as metrics.json for `dvc metrics`, and as plain text for the terminal and any log."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from components.core.data.bootstrap import Values, median_interval
from components.core.data.evaluation import Evaluation, label_datasets
from components.core.data.manifest import Track
from components.core.data.score_tables import (
    COUNTED,
    FRAMES,
    LOST_FRAMES,
    MACHINE,
    METRIC,
    METRICS,
    NAN_FRAMES,
    REASON,
    SDR_HIGH,
    SDR_LOW,
    SYSTEM,
    TARGET,
    TIMES_REAL_TIME,
    TRACK,
    TRACKS,
    UNSCORED,
    VALUE,
)
from components.core.tracking.provenance import processor
from components.evaluate.scoring.parallel_scoring import Scored
from components.evaluate.scoring.systems import role
from components.evaluate.scoring.track_scores import TrackScores, median_of_frames

CONFIDENCE = 0.95
"""Of the interval of a median over tracks."""

_RESAMPLES, _SEED = 10_000, 7
_DECIMALS = 6
_SYSTEM_AND_TARGET = [SYSTEM, TARGET]


def score_table(scores: Sequence[TrackScores]) -> pd.DataFrame:
    """Return scores.csv: the median over frames of every track, system, target and metric.

    Lost frames count for the SDR alone: the other metrics are not defined in them.
    """
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
            COUNTED: round(median_of_frames(_with_lost_frames(metric, values, lost)), _DECIMALS),
            LOST_FRAMES: int(np.count_nonzero(~np.isnan(lost))),
        }
        for score in scores
        for target, by_metric, lost in zip(score.targets, score.values, score.lost_sdr, strict=True)
        for metric, values in zip(METRICS, by_metric, strict=True)
    ]
    return pd.DataFrame(rows)


def _with_lost_frames(metric: str, values: Values, lost_sdr: Values) -> Values:
    if metric != "SDR" or not lost_sdr.size:
        return values
    return np.where(np.isnan(lost_sdr), values, lost_sdr) if values.size else lost_sdr


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


def times_real_time(scored: Sequence[Scored], tracks: Sequence[Track]) -> dict[str, float]:
    """Return the speed of every system."""
    durations = {track.name: track.duration for track in tracks}
    music: dict[str, float] = defaultdict(float)
    seconds: dict[str, float] = defaultdict(float)
    for item in scored:
        music[item.scores.system] += durations[item.scores.track]
        seconds[item.scores.system] += item.seconds
    return {system: music[system] / max(seconds[system], 1e-9) for system in music}


def speed_table(speeds: Mapping[str, float]) -> pd.DataFrame:
    """Return speed.csv; scoring runs on the processor even where there is a GPU, so it names the processor."""
    machine = processor()
    return pd.DataFrame(
        {SYSTEM: system, TIMES_REAL_TIME: round(speed, 2), MACHINE: machine} for system, speed in speeds.items()
    )


_LAST_COLUMNS = f"{f'SDR, {CONFIDENCE:.0%}':>16}   tracks  NaN frames"


def summary_text(
    medians: pd.DataFrame, scores: pd.DataFrame, evaluation: Evaluation, speeds: Mapping[str, float]
) -> str:
    """Return the medians, one block per target, then the speeds, then the tracks that have no score."""
    width = max(len(_title(name)) for name in medians[SYSTEM])
    datasets = label_datasets(evaluation.datasets)
    lines = ["", f"Test split of {datasets}; {evaluation.scorer}, median over frames, then tracks, in dB"]
    if merged := evaluation.merged_into_other:
        lines.append(f"not every track has {' and '.join(merged)}: scored as part of other")
    for target, rows in medians.groupby(TARGET, sort=False):
        lines += ["", f"{target!s:<{width}}" + "".join(f"{metric:>8}" for metric in METRICS) + _LAST_COLUMNS]
        lines += [_row(row, width) for _, row in rows.iterrows()]
    shown = ", ".join(f"{system} {speed:.3g}" for system, speed in speeds.items())
    lines += ["", f"times real time, on one core: {shown}"]
    return "\n".join([*lines, *_unscored_lines(scores)]) + "\n"


def _row(row: "pd.Series[float]", width: int) -> str:
    numbers = "".join(f"{_decibels(row[metric]):>8}" for metric in METRICS)
    interval = f"{_decibels(row[SDR_LOW])} to {_decibels(row[SDR_HIGH])}"
    tracks = f"{row[TRACKS]}/{row[TRACKS] + row[UNSCORED]}"
    counts = f"{tracks:>9}{row[NAN_FRAMES]!s:>8} of {row[FRAMES]}"
    return f"{_title(str(row[SYSTEM])):<{width}}{numbers}{interval:>16}{counts}"


def _unscored_lines(scores: pd.DataFrame) -> list[str]:
    """Return a line for every track and system that has no score."""
    missing = scores[(scores[METRIC] == "SDR") & scores[VALUE].isna()]
    lines = []
    for (track, system), rows in missing.groupby([TRACK, SYSTEM], sort=False):
        reason = rows[REASON].iloc[0] or f"no frame with a score for {', '.join(rows[TARGET])}"
        lines.append(f"  {track}, {system}: {reason}")
    return ["", "not scored:", *lines] if lines else []


def _title(system: str) -> str:
    return f"{system} ({role(system)})" if role(system) else system


def _decibels(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"
