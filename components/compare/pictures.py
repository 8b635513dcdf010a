"""Pictures of a comparison: differences with their intervals, per-track scores, SDR against speed."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from components.compare.gathering import FIXED
from components.compare.statistics import by_track
from components.compare.table import Facts, best_system, title_of
from components.core.files import whole_file

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 150.0,
    "savefig.dpi": 150.0,
}
_TRAINED, _FIXED = "#1f6f8b", "#9a9a9a"


def draw(out: Path, scores: pd.DataFrame, pairs: pd.DataFrame, facts: Mapping[str, Facts], what: str) -> list[Path]:
    """Write a picture of each kind for every target to `out`; return their paths."""
    paths = []
    with matplotlib.rc_context(_STYLE):
        for target in dict.fromkeys(scores["target"]):
            figures = {
                "differences": differences(pairs, scores, str(target), facts),
                "boxes": boxes(scores, str(target), facts, what),
                "speed": speed(scores, str(target), facts),
            }
            for name, figure in figures.items():
                if figure is not None:
                    paths.append(out / f"{name}-{target}.png")
                    _save(figure, paths[-1])
    return paths


def differences(pairs: pd.DataFrame, scores: pd.DataFrame, target: str, facts: Mapping[str, Facts]) -> Figure | None:
    """Draw every system's mean difference to the best one, with its interval."""
    best = best_system(scores, target)
    rows = []
    for row in pairs[(pairs["target"] == target) & (pairs["metric"] == "SDR")].to_dict("records"):
        if row["first"] == best and row["second"] not in FIXED:
            rows.append((row["second"], -row["mean"], -row["high"], -row["low"]))
        elif row["second"] == best and row["first"] not in FIXED:
            rows.append((row["first"], row["mean"], row["low"], row["high"]))
    rows = sorted((row for row in rows if np.isfinite(row[1])), key=lambda row: row[1])
    if best is None or not rows:
        return None
    figure = Figure(figsize=(8.0, 1.3 + 0.34 * len(rows)), layout="constrained")
    panel = figure.subplots()
    for place, (_, mean, low, high) in enumerate(rows):
        panel.plot([low, high], [place, place], color=_TRAINED, linewidth=2)
        panel.plot([mean], [place], "o", color=_TRAINED, markersize=5)
    panel.axvline(0, color="#888888", linewidth=0.8)
    panel.set_yticks(range(len(rows)), [title_of(str(row[0]), facts) for row in rows])
    panel.set_xlabel(f"mean difference of {target} SDR to {title_of(best, facts)} (dB), 95 % interval over tracks")
    panel.grid(axis="x", color="#e5e5e5", linewidth=0.6)
    panel.set_axisbelow(True)
    return figure


def boxes(scores: pd.DataFrame, target: str, facts: Mapping[str, Facts], what: str) -> Figure:
    """Draw the per-track SDR of every system, best median at the top."""
    table = by_track(scores, target, "SDR").replace([np.inf, -np.inf], np.nan)
    names = [str(name) for name in reversed(table.columns)]
    figure = Figure(figsize=(8.0, 1.4 + 0.36 * len(names)), layout="constrained")
    panel = figure.subplots()
    for place, name in enumerate(names):
        values = table[name].dropna().to_numpy(dtype=np.float64)
        colour = _FIXED if name in FIXED else _TRAINED
        if len(values) >= 5:  # a box of fewer would show quartiles that nobody measured
            panel.boxplot(
                [values], positions=[place], widths=0.6, orientation="horizontal", showfliers=False, patch_artist=True,
                boxprops={"facecolor": colour, "alpha": 0.3, "edgecolor": colour},
                medianprops={"color": colour, "linewidth": 2}, whiskerprops={"color": colour},
                capprops={"color": colour}, manage_ticks=False,
            )  # fmt: skip
        spread = np.linspace(-0.18, 0.18, len(values)) if len(values) > 1 else np.zeros(len(values))
        panel.plot(values, place + spread, "o", color=colour, markersize=3, alpha=0.7, markeredgewidth=0)
    panel.set_yticks(range(len(names)), [title_of(name, facts) for name in names])
    panel.set_xlabel(f"{target} SDR (dB); a dot: a track")
    panel.set_title(what, loc="left")
    panel.grid(axis="x", color="#e5e5e5", linewidth=0.6)
    panel.set_axisbelow(True)
    return figure


def speed(scores: pd.DataFrame, target: str, facts: Mapping[str, Facts]) -> Figure | None:
    """Draw the median SDR of every trained system against its speed as `stemline separate` has it."""
    table = by_track(scores, target, "SDR")
    points = [
        (str(fact.title), float(fact.costs["times_real_time_fast"]), float(table[name].median()))
        for name, fact in facts.items()
        if name in table and "times_real_time_fast" in fact.costs
    ]
    points = [point for point in points if np.isfinite(point[2])]
    if not points:
        return None
    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    panel = figure.subplots()
    panel.set_xscale("log")
    panel.plot([x for _, x, _ in points], [y for *_, y in points], "o", color=_TRAINED, markersize=6)
    height = max(max(y for *_, y in points) - min(y for *_, y in points), 1e-6)
    taken: list[tuple[float, float]] = []
    for name, x, y in sorted(points, key=lambda point: point[2]):
        at = y
        while any(abs(np.log10(x / other)) < _LABEL and abs(at - line) < 0.045 * height for other, line in taken):
            at += 0.02 * height  # labels of neighbours go one above the other
        taken.append((x, at))
        panel.annotate(
            name, (x, y), (x * 1.06, at), fontsize=8.5, va="center",
            arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.5} if at != y else None,
        )  # fmt: skip
    panel.margins(x=0.25, y=0.08)
    panel.set_xlabel("speed (times real time on this machine)")
    panel.set_ylabel(f"{target} SDR (dB), median over tracks")
    panel.grid(color="#e5e5e5", linewidth=0.6)
    panel.set_axisbelow(True)
    return figure


_LABEL = 0.35  # of a decade: as wide as a label is


def _save(figure: Figure, path: Path) -> None:
    with whole_file(path) as partial:
        figure.savefig(partial)
