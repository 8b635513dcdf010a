"""Pictures of a comparison: differences with their intervals, per-track scores, SDR against speed."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from components.compare.comparison import Comparison
from components.compare.presentation.label_placement import place_labels
from components.compare.presentation.markdown_page import material
from components.compare.scores.statistics import by_track
from components.compare.systems.baselines import is_fixed
from components.compare.systems.description import Facts, title_of
from components.core.data.score_figures import STYLE, save

_TRAINED, _FIXED, _GRID = "#1f6f8b", "#9a9a9a", "#e5e5e5"
_FEWEST_SPEEDS = 2
_FEWEST_IN_BOX = 5  # a box of fewer would show quartiles that nobody measured


@dataclass(frozen=True)
class _Difference:
    """A system minus the reference: mean and interval, in dB; `sure` when they differ by Wilcoxon's test, corrected."""

    system: str
    mean: float
    low: float
    high: float
    sure: bool


def draw(out: Path, comparison: Comparison) -> list[Path]:
    """Write a picture of each kind for every target to `out`, in place of earlier ones; return their paths."""
    shutil.rmtree(out, ignore_errors=True)
    paths = []
    with matplotlib.rc_context(STYLE):
        for target in comparison.targets:
            for kind in (differences, boxes, speed):
                figure = kind(comparison, target)
                if figure is not None:
                    paths.append(out / f"{kind.__name__}-{target}.png")
                    save(figure, paths[-1])
    return paths


def differences(comparison: Comparison, target: str) -> Figure | None:
    """Draw every trained system's mean difference to the reference, with its interval, the best at the top."""
    config, facts = comparison.config, comparison.facts
    reference = comparison.reference(target)
    rows = _differences(comparison.pairs, target, str(reference), 1 - config.confidence)
    if reference is None or not rows:
        return None
    figure = Figure(figsize=(8.0, 1.5 + 0.3 * len(rows)), layout="constrained")
    panel = figure.subplots()
    panel.axvline(0, color="#888888", linewidth=0.8, zorder=1)
    for place, row in enumerate(rows):
        panel.plot([row.low, row.high], [place, place], color=_TRAINED, linewidth=2, zorder=2, solid_capstyle="butt")
        face = _TRAINED if row.sure else "white"
        panel.plot([row.mean], [place], "o", color=_TRAINED, markerfacecolor=face, markersize=6, zorder=3)
    _name_rows(panel, [title_of(row.system, facts) for row in rows])
    # two lines: names of systems are long, and the panel beside theirs is narrow
    title = f"{target.capitalize()} SDR, track by track,\ncompared with {title_of(reference, facts)}"
    panel.set_title(title, loc="left")
    panel.set_xlabel(
        f"mean difference (dB), {config.confidence:.0%} interval over tracks\n"
        f"full: p < {1 - config.confidence:.2g} (Wilcoxon, Holm over all pairs); hollow: may be alike"
    )
    return figure


def boxes(comparison: Comparison, target: str) -> Figure | None:
    """Draw the per-track SDR of every system, best median at the top."""
    table = by_track(comparison.gathered.scores, target, "SDR").dropna(axis="columns", how="all")
    names = [str(name) for name in reversed(table.columns)]
    if not names:
        return None
    figure = Figure(figsize=(8.0, 1.3 + 0.32 * len(names)), layout="constrained")
    panel = figure.subplots()
    for place, name in enumerate(names):
        _box(panel, place, table[name].dropna().to_numpy(dtype=np.float64), _FIXED if is_fixed(name) else _TRAINED)
    _name_rows(panel, [comparison.title(name, target) for name in names])
    panel.set_title(f"{target.capitalize()} SDR: {material(comparison.gathered.test)}", loc="left")
    marked = "\n†: scored among other stems" if comparison.otherwise(target) else ""
    panel.set_xlabel(f"SDR (dB), median over frames; a dot: a track{marked}")
    return figure


def speed(comparison: Comparison, target: str) -> Figure | None:
    """Draw the median SDR of every trained system that compares against its speed, made ready, in one lane."""
    points = _speeds(by_track(comparison.gathered.comparable, target, "SDR"), comparison.facts)
    if len(points) < _FEWEST_SPEEDS:
        return None
    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    panel = figure.subplots()
    panel.set_xscale("log")
    panel.plot([x for _, x, _ in points], [y for *_, y in points], "o", color=_TRAINED, markersize=6)
    panel.margins(x=0.12, y=0.1)
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    machines = sorted({str(facts.costs["machine"]) for facts in comparison.facts.values() if "machine" in facts.costs})
    panel.set_title(f"{target.capitalize()}: {material(comparison.gathered.test)}", loc="left")
    panel.set_xlabel(f"speed, made ready, one window at a time (× real time)\n{'; '.join(machines)}")
    panel.set_ylabel("SDR (dB), median over tracks")
    panel.grid(color=_GRID, linewidth=0.6)
    panel.set_axisbelow(True)
    place_labels(panel, points)
    return figure


def _differences(pairs: pd.DataFrame, target: str, reference: str, level: float) -> list[_Difference]:
    """Return the systems minus the reference, the lowest mean first."""
    found = []
    for row in pairs[(pairs["target"] == target) & (pairs["metric"] == "SDR")].to_dict("records"):
        sure = bool(row["p_holm"] < level)
        if row["second"] == reference:
            found.append(_Difference(row["first"], row["mean"], row["low"], row["high"], sure))
        elif row["first"] == reference:
            found.append(_Difference(row["second"], -row["mean"], -row["high"], -row["low"], sure))
    shown = [row for row in found if not is_fixed(row.system) and np.isfinite(row.mean)]
    return sorted(shown, key=lambda row: row.mean)


def _speeds(table: pd.DataFrame, facts: Mapping[str, Facts]) -> list[tuple[str, float, float]]:
    points = [
        (fact.title, float(fact.costs["times_real_time_fast"]), float(table[name].median()))
        for name, fact in facts.items()
        if name in table and "times_real_time_fast" in fact.costs
    ]
    return [point for point in points if np.isfinite(point[2])]


def _box(panel: Axes, place: int, values: np.ndarray[tuple[int], np.dtype[np.float64]], colour: str) -> None:
    if len(values) >= _FEWEST_IN_BOX:
        panel.boxplot(
            [values], positions=[place], widths=0.6, orientation="horizontal", showfliers=False, patch_artist=True,
            boxprops={"facecolor": colour, "alpha": 0.3, "edgecolor": colour},
            medianprops={"color": colour, "linewidth": 2}, whiskerprops={"color": colour},
            capprops={"color": colour}, manage_ticks=False,
        )  # fmt: skip
    spread = np.linspace(-0.18, 0.18, len(values)) if len(values) > 1 else np.zeros(len(values))
    panel.plot(values, place + spread, "o", color=colour, markersize=3, alpha=0.7, markeredgewidth=0)


def _name_rows(panel: Axes, titles: list[str]) -> None:
    panel.set_yticks(range(len(titles)), titles)
    panel.set_ylim(-0.6, len(titles) - 0.4)
    panel.grid(axis="x", color=_GRID, linewidth=0.6)
    panel.set_axisbelow(True)
