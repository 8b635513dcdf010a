"""The last run's scores on the test tracks, in words that a musician understands, and evaluate's pictures of them."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.core.data.artifacts import PICTURES, SCORE_TABLE, TEST
from components.core.data.evaluation import Evaluation
from components.core.data.score_tables import FRAMES, MIXTURE, MODEL, NAN_FRAMES, SYSTEM, TARGET, TRACKS, UNSCORED
from components.report.sources.step_files import Unavailable, read_document, read_table, relative_link

FLOOR, CEILING = MIXTURE, "irm2"
_SYSTEMS = {
    MODEL: ("This model", "the model that this run trained"),
    FLOOR: ("Doing nothing", "the floor: the mixture itself, taken for the stem"),
    CEILING: ("Ideal masks", "the ceiling: masks made from the true stems"),
}
METRICS = {
    "SDR": ("Overall", "how close the stem is to the true one, in all respects"),
    "SIR": ("Separation", "how little of the other instruments is left in the stem"),
    "SAR": ("Cleanness", "how free the stem is of artefacts: watery, metallic or chirping sounds"),
    "ISR": ("Image", "how true the stem's stereo position and colour are"),
}


@dataclass(frozen=True)
class Row:
    """A system's medians over the test tracks, in dB, in the order of `ScoresPart.metrics`; NaN when unknown."""

    system: str
    title: str
    meaning: str
    values: tuple[float, ...]
    tracks: int
    unscored: int
    frames: int
    nan_frames: int


@dataclass(frozen=True)
class ScalePoint:
    """A system on the scale from floor to ceiling: `percent` of its length from the left."""

    system: str
    title: str
    value: float
    percent: float


@dataclass(frozen=True)
class Target:
    """A target and all systems' scores; `share` is how far the model is from floor to ceiling, in percent."""

    name: str
    rows: tuple[Row, ...]
    points: tuple[ScalePoint, ...]
    share: int | None


@dataclass(frozen=True)
class ScoresPart:
    """Scores by target; `metrics` are (name, plain name, meaning), and `test` describes the test tracks."""

    metrics: tuple[tuple[str, str, str], ...]
    targets: tuple[Target, ...]
    test: str


def read_scores(workspace: Path) -> ScoresPart:
    """Read the medians and the test set; raises Unavailable when there are no scores."""
    missing = "There are no scores yet: evaluate has not run."
    table = read_table(SCORE_TABLE.below(workspace), (SYSTEM, TARGET), missing)
    metrics = [name for name in METRICS if name in table and pd.api.types.is_numeric_dtype(table[name])]
    try:
        test = _describe_test(read_document(TEST.below(workspace), Evaluation, ""))
    except Unavailable:
        test = f"The test tracks are unknown: {TEST.path} is missing or damaged."
    groups = table.groupby(TARGET, sort=False)
    targets = [_target(str(name), rows.to_dict("records"), metrics) for name, rows in groups]
    return ScoresPart(tuple((name, *METRICS[name]) for name in metrics), tuple(targets), test)


def _describe_test(test: Evaluation) -> str:
    return f"{test.test_set}; {test.scorer}, medians over frames of {test.window_seconds:g}\u00a0s, then over tracks."


def _target(name: str, records: list[dict[Hashable, Any]], metrics: list[str]) -> Target:
    rows = tuple(_row(record, metrics) for record in records)
    overall = {row.system: row.values[metrics.index("SDR")] for row in rows} if "SDR" in metrics else {}
    return Target(name, rows, _scale_points(overall), _share(overall))


def _row(record: Mapping[Hashable, Any], metrics: list[str]) -> Row:
    system = str(record[SYSTEM])
    title, meaning = _SYSTEMS.get(system, (system, ""))
    values = tuple(float(record[metric]) for metric in metrics)
    counts = (_count(record.get(name, 0)) for name in (TRACKS, UNSCORED, FRAMES, NAN_FRAMES))
    return Row(system, title, meaning, values, *counts)


def _count(value: Any) -> int:
    number = pd.to_numeric(value, errors="coerce")
    return int(number) if np.isfinite(number) else 0


def _scale_points(overall: Mapping[str, float]) -> tuple[ScalePoint, ...]:
    finite = {name: value for name, value in overall.items() if np.isfinite(value) and name in _SYSTEMS}
    if len(finite) < len(_SYSTEMS):
        return ()
    low, high = min(finite.values()), max(finite.values())
    width = (high - low) or 1.0
    points = [
        ScalePoint(name, _SYSTEMS[name][0], finite[name], 100 * (finite[name] - low) / width) for name in _SYSTEMS
    ]
    return tuple(points)


def _share(overall: Mapping[str, float]) -> int | None:
    """Return the model's place between floor and ceiling, in percent; None when one of the three is unknown."""
    model, floor, ceiling = (overall.get(name, np.nan) for name in (MODEL, FLOOR, CEILING))
    if not floor < ceiling or not np.isfinite(model):
        return None
    return round(100 * (model - floor) / (ceiling - floor))


_CAPTIONS = {
    "spectrograms": "Spectrograms of one test track: the mixture, the true vocals, and the model's vocals",
    "SDR": "SDR, overall: a dot for each test track",
    "SIR": "SIR, separation: a dot for each test track",
    "SAR": "SAR, cleanness: a dot for each test track",
    "ISR": "ISR, image: a dot for each test track",
}


@dataclass(frozen=True)
class Picture:
    """A picture: its link from the page, and its caption."""

    link: str
    caption: str


def read_pictures(workspace: Path, page_folder: Path) -> Sequence[Picture]:
    """Return the pictures, those with a caption first; raises Unavailable when there is none."""
    files = {path.stem: path for path in sorted(PICTURES.below(workspace).glob("*.png"))}
    if not files:
        raise Unavailable("There are no pictures yet: evaluate has not run.")
    names = [*(name for name in _CAPTIONS if name in files), *(name for name in files if name not in _CAPTIONS)]
    return [Picture(relative_link(files[name], page_folder), _CAPTIONS.get(name, name)) for name in names]
