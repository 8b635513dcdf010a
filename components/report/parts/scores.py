"""The scores of the test tracks, in words that a musician understands."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.core.data.dataset_labels import label_datasets
from components.report.sources.reading import Document, Unavailable, read_document, read_table

_SYSTEMS = {
    "model": ("This model", "what this run trained"),
    "mixture": ("Doing nothing", "the floor: the mixture itself, as if it were the stem"),
    "irm2": ("Ideal masks", "the ceiling: masks drawn with the true stems known"),
}
METRICS = {
    "SDR": ("Overall", "how close it is to the true stem, with everything counted"),
    "SIR": ("Separation", "how little of the other instruments is left in it"),
    "SAR": ("Cleanness", "how free it is of artefacts: watery, metallic or chirping sounds"),
    "ISR": ("Image", "how true its place in the stereo picture and its colour are"),
}


class _Test(Document):
    tracks: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    window_seconds: float = 1.0
    scorer: str = "museval v4"  # what computed scores before there was a choice


@dataclass(frozen=True)
class Row:
    """A system's medians over the test tracks, in dB, in the order of `ScoresPart.metrics`; NaN where there is none."""

    system: str
    title: str
    meaning: str
    values: tuple[float, ...]
    tracks: int
    unscored: int
    frames: int
    nan_frames: int


@dataclass(frozen=True)
class Place:
    """A system on the line from floor to ceiling: `percent` of its length from the left."""

    system: str
    title: str
    value: float
    percent: float


@dataclass(frozen=True)
class Target:
    """A stem and everyone's scores on it; `share` is how far the model is from floor to ceiling, in percent."""

    name: str
    rows: tuple[Row, ...]
    places: tuple[Place, ...]
    share: int | None


@dataclass(frozen=True)
class ScoresPart:
    """Scores by target; `metrics` are (name, word, meaning); `test` says what they were measured on."""

    metrics: tuple[tuple[str, str, str], ...]
    targets: tuple[Target, ...]
    test: str


def read_scores(workspace: Path) -> ScoresPart:
    """Read table.csv and test.json; raises Unavailable when there are no scores."""
    missing = "There are no scores yet: evaluate has not run."
    table = read_table(workspace / "evaluate" / "table.csv", ("system", "target"), missing)
    metrics = [name for name in METRICS if name in table and pd.api.types.is_numeric_dtype(table[name])]
    try:
        test = _tested_on(read_document(workspace / "evaluate" / "test.json", _Test, ""))
    except Unavailable:
        test = "What they were measured on is not known: evaluate/test.json is missing."
    groups = table.groupby("target", sort=False)
    targets = [_target(str(name), rows.to_dict("records"), metrics) for name, rows in groups]
    return ScoresPart(tuple((name, *METRICS[name]) for name in metrics), tuple(targets), test)


def _tested_on(test: _Test) -> str:
    count = len(test.tracks)
    names = label_datasets(test.datasets)
    songs = f"{count} test track{'' if count == 1 else 's'} of {names}"
    return f"{songs}; {test.scorer}, medians over frames of {test.window_seconds:g}\u00a0s, then over tracks."


def _target(name: str, records: list[dict[Hashable, Any]], metrics: list[str]) -> Target:
    rows = tuple(_row(record, metrics) for record in records)
    overall = {row.system: row.values[metrics.index("SDR")] for row in rows} if "SDR" in metrics else {}
    return Target(name, rows, _places(overall), _share(overall))


def _row(record: Mapping[Hashable, Any], metrics: list[str]) -> Row:
    system = str(record["system"])
    title, meaning = _SYSTEMS.get(system, (system, ""))
    values = tuple(float(record[metric]) for metric in metrics)
    counts = (_count(record.get(name, 0)) for name in ("tracks", "unscored", "frames", "nan_frames"))
    return Row(system, title, meaning, values, *counts)


def _count(value: Any) -> int:
    number = pd.to_numeric(value, errors="coerce")
    return int(number) if np.isfinite(number) else 0


def _places(overall: Mapping[str, float]) -> tuple[Place, ...]:
    finite = {name: value for name, value in overall.items() if np.isfinite(value) and name in _SYSTEMS}
    if len(finite) < len(_SYSTEMS):
        return ()
    low, high = min(finite.values()), max(finite.values())
    width = (high - low) or 1.0
    places = [Place(name, _SYSTEMS[name][0], finite[name], 100 * (finite[name] - low) / width) for name in _SYSTEMS]
    return tuple(places)


def _share(overall: Mapping[str, float]) -> int | None:
    """Return how far the model is on the way from floor to ceiling, in percent, where that says something."""
    model, floor, ceiling = (overall.get(name, np.nan) for name in ("model", "mixture", "irm2"))
    if not floor < ceiling or not np.isfinite(model):
        return None
    return round(100 * (model - floor) / (ceiling - floor))
