"""What was acquired: counts, and the tracks that were left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.core.data.manifest import SPLITS
from components.report.sources.reading import Document, Unavailable, read_document, read_table

_SHOWN = 50


class _Summary(Document):
    tracks: Mapping[str, int] = {}
    artists: Mapping[str, int] = {}
    minutes: Mapping[str, float] = {}
    datasets: Mapping[str, Mapping[str, int]] = {}
    left_out: Mapping[str, int] = {}
    warnings: Mapping[str, int] = {}
    not_tracks: int = 0


@dataclass(frozen=True)
class Split:
    """A split's counts; `datasets` has the tracks a data set, in the order of `DataPart.datasets`."""

    name: str
    datasets: tuple[int, ...]
    tracks: int
    artists: int
    minutes: float


@dataclass(frozen=True)
class LeftOut:
    """A track that is not used, and why."""

    track: str
    reason: str


@dataclass(frozen=True)
class DataPart:
    """Counts by split, and what was left out: the first tracks by name, `more` further ones only counted."""

    datasets: tuple[str, ...]
    splits: tuple[Split, ...]
    left_out_count: int
    left_out: tuple[LeftOut, ...]
    more: int
    warnings: tuple[tuple[str, int], ...]


def read_data(workspace: Path) -> DataPart:
    """Read acquire/summary.json and problems.csv; raises Unavailable without the former."""
    missing = "Nothing is known of the data: acquire has not run."
    summary = read_document(workspace / "acquire" / "summary.json", _Summary, missing)
    left_out = _left_out(workspace)
    warnings = tuple((name.replace("_", " "), count) for name, count in sorted(summary.warnings.items()))
    count = summary.left_out.get("tracks", len(left_out))
    shown = tuple(left_out[:_SHOWN])
    splits = tuple(_split(summary, name) for name in SPLITS)
    return DataPart(tuple(summary.datasets), splits, count, shown, max(0, count - len(shown)), warnings)


def _split(summary: _Summary, name: str) -> Split:
    by_dataset = tuple(tracks.get(name, 0) for tracks in summary.datasets.values())
    counted = (summary.tracks.get(name, 0), summary.artists.get(name, 0), summary.minutes.get(name, 0.0))
    return Split(name, by_dataset, *counted)


def _left_out(workspace: Path) -> list[LeftOut]:
    """The tracks that are not used, each once, with its first reason."""
    try:
        table = read_table(workspace / "acquire" / "problems.csv", ("track", "problem", "used"), "", text=True)
    except Unavailable:
        return []
    unused = table[table["used"].str.lower().isin(("false", "0", "no")) & (table["problem"] != "not a track")]
    return [_reason(row) for _, row in unused.drop_duplicates("track").iterrows()]


def _reason(row: "pd.Series[str]") -> LeftOut:
    stem, detail = row.get("stem", ""), row.get("detail", "")
    reason = f"{stem}: {row['problem']}" if stem else str(row["problem"])
    return LeftOut(str(row["track"]), f"{reason}; {detail}" if detail else reason)
