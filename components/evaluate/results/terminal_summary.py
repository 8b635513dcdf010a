"""The summary in the terminal: every system beside the floor and the ceiling, as plain text for any log."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from components.core.data.evaluation import Evaluation, label_datasets
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
from components.evaluate.results.tables import CONFIDENCE
from components.evaluate.scoring.systems import role

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
