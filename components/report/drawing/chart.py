"""Line charts as numbers in the units of an SVG; the template turns them into elements."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 420.0, 258.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 408.0, 14.0, 214.0

_TICKS = 5


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its position, and its number."""

    position: float
    label: str


@dataclass(frozen=True)
class Line:
    """A curve: its points (x, y), and its first and last value."""

    name: str
    points: tuple[tuple[float, float], ...]
    first: float
    last: float


@dataclass(frozen=True)
class Chart:
    """A chart of lines over steps or versions; `marked_x` is the x of the step or version to point out."""

    title: str
    unit: str
    x_label: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marked_x: float | None


def draw_chart(
    title: str, unit: str, x_label: str, positions: Sequence[float], series: Mapping[str, Sequence[float]],
    start: float, marked: float | None,
) -> Chart:  # fmt: skip
    """Draw each of `series` over the x values `positions`, from `start` on; values that are not finite are left out."""
    end = max(*positions, start) if max(*positions, start) > start else start + 1
    values = [value for curve in series.values() for value in curve if math.isfinite(value)] or [0.0]
    y_values = ticks(min(values), max(values))

    def x(position: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (position - start) / (end - start), 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (value - y_values[0]) / (y_values[-1] - y_values[0]), 1)

    lines = []
    for name, curve in series.items():
        finite = [(position, value) for position, value in zip(positions, curve, strict=True) if math.isfinite(value)]
        if finite:
            points = tuple((x(position), y(value)) for position, value in finite)
            lines.append(Line(name, points, float(finite[0][1]), float(finite[-1][1])))
    x_values = [value for value in ticks(start, end) if start <= value <= max(positions) and value == int(value)]
    return Chart(
        title,
        unit,
        x_label,
        tuple(lines),
        tuple(Tick(x(value), f"{value:,.0f}") for value in x_values),
        tuple(Tick(y(value), f"{value:.6g}".replace("-", "−")) for value in y_values),
        x(marked) if marked is not None else None,
    )


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers (1, 2 or 5 times a power of ten apart) from at or below `low` to at or above `high`."""
    if not low < high:
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    rough = (high - low) / (_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]
