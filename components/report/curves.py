"""Training curves as drawings: plain numbers in the units of an SVG, so that the template only places them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from components.report.reading import Unavailable, read_table

WIDTH, HEIGHT = 420.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 408.0, 14.0, 214.0

_SDR = "_sdr"
_TICKS = 5


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and the number there."""

    place: float
    label: str


@dataclass(frozen=True)
class Line:
    """A curve: the path's points, and its first and its last value."""

    name: str
    points: str
    first: float
    last: float


@dataclass(frozen=True)
class Chart:
    """A drawing of lines over the training's steps; `kept` is where the model was taken from."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    horizontal: tuple[Tick, ...]
    vertical: tuple[Tick, ...]
    kept: float | None


@dataclass(frozen=True)
class TrainingPart:
    """The charts, and the numbers behind them: `columns`, and a row a validation."""

    charts: tuple[Chart, ...]
    kept_step: int | None
    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


def read_training(workspace: Path) -> TrainingPart:
    """Read train/curves.csv; raises Unavailable when there is none, or nothing in it."""
    missing = "There are no training curves yet: train has not run."
    table = read_table(workspace / "train" / "curves.csv", ("step",), missing)
    table = table.select_dtypes("number")
    if "step" not in table or table.empty:
        raise Unavailable("train/curves.csv holds no validation yet.")
    sdr = [str(name) for name in table.columns if str(name).endswith(_SDR)]
    step = _kept_step(table, sdr)
    drawings = [("Loss", "", ["loss"] if "loss" in table else []), ("Validation SDR", "dB", sdr)]
    charts = [_chart(title, unit, table, names, step) for title, unit, names in drawings if names]
    rows = tuple(tuple(float(value) for value in row) for row in table.itertuples(index=False))
    return TrainingPart(tuple(charts), step, tuple(_name(str(column)) for column in table.columns), rows)


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers (1, 2 or 5 times a power of ten apart) from at or below `low` to at or above `high`."""
    if not low < high:
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    rough = (high - low) / (_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    apart = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / apart + 1e-9), math.ceil(high / apart - 1e-9)
    return [round(index * apart, 12) for index in range(first, last + 1)]


def _kept_step(table: pd.DataFrame, sdr: Sequence[str]) -> int | None:
    """The first step with the best mean SDR: there the training took its model from."""
    if not sdr:
        return None
    means = table[list(sdr)].mean(axis=1, skipna=False).to_numpy(dtype=float)
    finite = np.isfinite(means)
    return int(table["step"].to_numpy()[finite][means[finite].argmax()]) if finite.any() else None


def _chart(title: str, unit: str, table: pd.DataFrame, names: Sequence[str], kept: int | None) -> Chart:
    values = [float(value) for name in names for value in table[name] if math.isfinite(value)] or [0.0]
    across = ticks(0.0, float(table["step"].max()))
    up = ticks(min(values), max(values))

    def x(step: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * step / float(table["step"].max() or 1), 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (value - up[0]) / (up[-1] - up[0]), 1)

    lines = []
    for name in names:
        points = [(x(s), y(v), v) for s, v in zip(table["step"], table[name], strict=True) if math.isfinite(v)]
        if points:
            path = " ".join(f"{px},{py}" for px, py, _ in points)
            lines.append(Line(_name(name), path, float(points[0][2]), float(points[-1][2])))
    return Chart(
        title,
        unit,
        tuple(lines),
        tuple(Tick(x(step), f"{step:,.0f}") for step in across if step <= table["step"].max()),
        tuple(Tick(y(value), f"{value:.6g}".replace("-", "−")) for value in up),
        x(kept) if kept is not None else None,
    )


def _name(column: str) -> str:
    return column.removesuffix(_SDR)
