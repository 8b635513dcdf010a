"""The summary in the terminal: every system against the floor and the ceiling, in plain lines that any log shows."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from components.core.data.dataset_labels import label_datasets
from components.core.data.metric_names import METRICS
from components.evaluate.results.results import CONFIDENCE
from components.evaluate.scoring.systems import role

_COLUMNS = f"{f'SDR, {CONFIDENCE:.0%}':>16}   tracks  NaN frames"


def summary_text(
    summary: pd.DataFrame, scores: pd.DataFrame, test: Mapping[str, object], speeds: Mapping[str, float]
) -> str:
    """Return the table of `results.summarise`, a block a target, speeds, and what could not be scored, by name."""
    names = list(dict.fromkeys(summary["system"]))
    width = max(len(_title(name)) for name in names)
    datasets = label_datasets(list(test["datasets"]))  # type: ignore[call-overload]
    head = f"Test split of {datasets}; {test['scorer']}, median over frames, then tracks, in dB"
    lines = ["", head, *_merged_lines(test)]
    for target, rows in summary.groupby("target", sort=False):
        lines += ["", f"{target!s:<{width}}" + "".join(f"{metric:>8}" for metric in METRICS) + _COLUMNS]
        lines += [_row(row, width) for row in rows.to_dict("records")]
    lines += ["", "times real time, on one core: " + ", ".join(_speed(*item) for item in speeds.items())]
    return "\n".join([*lines, *_unscored_lines(scores)]) + "\n"


def _merged_lines(test: Mapping[str, object]) -> list[str]:
    merged: list[str] = test["merged_into_other"]  # type: ignore[assignment]
    return [f"not every track has {' and '.join(merged)}: scored as part of other"] if merged else []


def _speed(system: str, times: float) -> str:
    return f"{system} {times:.3g}"


def _row(row: Mapping[object, object], width: int) -> str:
    numbers = "".join(_decibels(row[metric]) for metric in METRICS)
    total = _count(row["tracks"]) + _count(row["unscored"])
    tracks = f"{row['tracks']}/{total}"
    interval = f"{_decibels(row['SDR_low']).strip()} to {_decibels(row['SDR_high']).strip()}"
    counts = f"{tracks:>9}{row['nan_frames']!s:>8} of {row['frames']}"
    return f"{_title(str(row['system'])):<{width}}{numbers}{interval:>16}{counts}"


def _unscored_lines(scores: pd.DataFrame) -> list[str]:
    """A line for every track and system without any score."""
    missing = scores[(scores["metric"] == "SDR") & scores["value"].isna()]
    lines = []
    for (track, system), rows in missing.groupby(["track", "system"], sort=False):
        reason = rows["reason"].iloc[0] or f"no frame with a score for {', '.join(rows['target'])}"
        lines.append(f"  {track}, {system}: {reason}")
    return ["", "not scored:", *lines] if lines else []


def _title(name: str) -> str:
    return f"{name} ({role(name)})" if role(name) else name


def _decibels(value: object) -> str:
    assert isinstance(value, float)
    return f"{value:>8.2f}" if np.isfinite(value) else f"{'–':>8}"


def _count(value: object) -> int:
    assert isinstance(value, int)
    return value
