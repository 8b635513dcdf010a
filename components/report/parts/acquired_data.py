"""The acquired data: counts by split, and the tracks that were left out."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.core.data.artifacts import ACQUIRE_SUMMARY, PROBLEMS
from components.core.data.data_problems import AcquireSummary, ProblemKind
from components.core.data.manifest import SPLITS
from components.report.sources.step_files import Unavailable, read_document, read_table

_TRACKS_SHOWN = 50


@dataclass(frozen=True)
class Split:
    """A split's counts; `datasets` has the tracks of each data set, in the order of `DataPart.datasets`."""

    name: str
    datasets: tuple[int, ...]
    tracks: int
    artists: int
    minutes: float


@dataclass(frozen=True)
class LeftOut:
    """A track that is not used, and the reason."""

    track: str
    reason: str


@dataclass(frozen=True)
class DataPart:
    """Counts by split, and the tracks that were left out: the first ones by name, and `more` only counted."""

    datasets: tuple[str, ...]
    splits: tuple[Split, ...]
    left_out_count: int
    left_out: tuple[LeftOut, ...]
    more: int
    warnings: tuple[tuple[str, int], ...]


def read_data(workspace: Path) -> DataPart:
    """Read acquire's summary and problems; raises Unavailable without the summary."""
    missing = "There is no data yet: acquire has not run."
    summary = read_document(ACQUIRE_SUMMARY.below(workspace), AcquireSummary, missing)
    left_out = _read_left_out(workspace)
    warnings = tuple((name.replace("_", " "), count) for name, count in sorted(summary.warnings.items()))
    count = summary.left_out.get("tracks", len(left_out))
    shown = tuple(left_out[:_TRACKS_SHOWN])
    splits = tuple(_split(summary, name) for name in SPLITS)
    return DataPart(tuple(summary.datasets), splits, count, shown, max(0, count - len(shown)), warnings)


def _split(summary: AcquireSummary, name: str) -> Split:
    by_dataset = tuple(tracks.get(name, 0) for tracks in summary.datasets.values())
    counts = (summary.tracks.get(name, 0), summary.artists.get(name, 0), summary.minutes.get(name, 0.0))
    return Split(name, by_dataset, *counts)


def _read_left_out(workspace: Path) -> list[LeftOut]:
    """Return the tracks that are not used, each once, with its first reason."""
    try:
        table = read_table(PROBLEMS.below(workspace), ("track", "problem", "used"), "", as_text=True)
    except Unavailable:
        return []
    is_unused, is_track = (
        table["used"].str.lower().isin(("false", "0", "no")),
        table["problem"] != ProblemKind.NOT_A_TRACK,
    )
    unused = table[is_unused & is_track]
    return [_left_out(row) for _, row in unused.drop_duplicates("track").iterrows()]


def _left_out(row: "pd.Series[str]") -> LeftOut:
    stem, detail = row.get("stem", ""), row.get("detail", "")
    reason = f"{stem}: {row['problem']}" if stem else str(row["problem"])
    return LeftOut(str(row["track"]), f"{reason}; {detail}" if detail else reason)
