"""Curves as drawings: plain numbers in the units of an SVG, so that the template only places them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 420.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 408.0, 14.0, 214.0

_TICKS = 5


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and the number there."""

    place: float
    label: str


@dataclass(frozen=True)
class Line:
    """A curve: its points, and its first and its last value."""

    name: str
    points: tuple[tuple[float, float], ...]
    first: float
    last: float


@dataclass(frozen=True)
class Chart:
    """A drawing of lines along steps, versions …; `marked` is the place of the one that was kept, or is live."""

    title: str
    unit: str
    along: str
    lines: tuple[Line, ...]
    horizontal: tuple[Tick, ...]
    vertical: tuple[Tick, ...]
    marked: float | None


def draw(
    title: str, unit: str, along: str, places: Sequence[float], series: Mapping[str, Sequence[float]],
    start: float, marked: float | None,
) -> Chart:  # fmt: skip
    """Draw each of `series` over `places`, from `start` on; a value that is not finite leaves a gap."""
    end = max(*places, start) if max(*places, start) > start else start + 1
    values = [value for curve in series.values() for value in curve if math.isfinite(value)] or [0.0]
    up = ticks(min(values), max(values))

    def x(place: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (place - start) / (end - start), 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (value - up[0]) / (up[-1] - up[0]), 1)

    lines = []
    for name, curve in series.items():
        finite = [(place, value) for place, value in zip(places, curve, strict=True) if math.isfinite(value)]
        if finite:
            points = tuple((x(place), y(value)) for place, value in finite)
            lines.append(Line(name, points, float(finite[0][1]), float(finite[-1][1])))
    whole = [place for place in ticks(start, end) if start <= place <= max(places) and place == int(place)]
    return Chart(
        title,
        unit,
        along,
        tuple(lines),
        tuple(Tick(x(place), f"{place:,.0f}") for place in whole),
        tuple(Tick(y(value), f"{value:.6g}".replace("-", "−")) for value in up),
        x(marked) if marked is not None else None,
    )


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
