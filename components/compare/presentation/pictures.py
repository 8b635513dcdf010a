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

from components.compare.comparison_results import Comparison
from components.compare.presentation.label_placement import place_labels
from components.compare.scores.statistics import by_track
from components.compare.systems.records import SystemRecord, title_of
from components.compare.systems.row_names import is_baseline
from components.core.data.score_plots import STYLE, ZERO_LINE, draw_distribution, draw_grid, save

_TRAINED, _BASELINE = "#1f6f8b", "#9a9a9a"
_FEWEST_SPEEDS = 2


@dataclass(frozen=True)
class _Difference:
    """A system minus the reference: mean and interval, in dB; `sure` if Wilcoxon's corrected test tells them apart."""

    system: str
    mean: float
    low: float
    high: float
    sure: bool


def draw_pictures(out: Path, comparison: Comparison) -> list[Path]:
    """Write `<picture>-<target>.png` to `out` for every picture and target; return the paths.

    Pictures of an earlier comparison are deleted.
    """
    shutil.rmtree(out, ignore_errors=True)
    paths = []
    with matplotlib.rc_context(STYLE):
        for target in comparison.targets:
            for name, draw in _PICTURES.items():
                figure = draw(comparison, target)
                if figure is not None:
                    paths.append(out / f"{name}-{target}.png")
                    save(figure, paths[-1])
    return paths


def _draw_differences(comparison: Comparison, target: str) -> Figure | None:
    """Draw the mean difference of every system to the reference, with its interval, the best at the top."""
    config, records = comparison.config, comparison.records
    reference = comparison.reference(target)
    rows = _differences(comparison.pairs, target, str(reference), 1 - config.confidence)
    if reference is None or not rows:
        return None
    figure = Figure(figsize=(8.0, 1.5 + 0.3 * len(rows)), layout="constrained")
    panel = figure.subplots()
    panel.axvline(0, color=ZERO_LINE, linewidth=0.8, zorder=1)
    for place, row in enumerate(rows):
        panel.plot([row.low, row.high], [place, place], color=_TRAINED, linewidth=2, zorder=2, solid_capstyle="butt")
        face = _TRAINED if row.sure else "white"
        panel.plot([row.mean], [place], "o", color=_TRAINED, markerfacecolor=face, markersize=6, zorder=3)
    _name_rows(panel, [title_of(row.system, records) for row in rows])
    # two lines: the names of systems are long, and leave the panel little width
    title = f"{target.capitalize()} SDR, track by track,\ncompared with {title_of(reference, records)}"
    panel.set_title(title, loc="left")
    panel.set_xlabel(
        f"mean difference (dB), {config.confidence:.0%} interval over tracks\n"
        f"full: p < {1 - config.confidence:.2g} (Wilcoxon, Holm over all pairs); hollow: may be alike"
    )
    return figure


def _draw_boxes(comparison: Comparison, target: str) -> Figure | None:
    """Draw the per-track SDR of every system, best median at the top."""
    table = by_track(comparison.gathered.scores, target, "SDR").dropna(axis="columns", how="all")
    names = [str(name) for name in reversed(table.columns)]
    if not names:
        return None
    figure = Figure(figsize=(8.0, 1.3 + 0.32 * len(names)), layout="constrained")
    panel = figure.subplots()
    for place, name in enumerate(names):
        colour = _BASELINE if is_baseline(name) else _TRAINED
        draw_distribution(panel, place, table[name].dropna().to_numpy(dtype=np.float64), colour, "horizontal")
    _name_rows(panel, [comparison.title(name, target) for name in names])
    panel.set_title(f"{target.capitalize()} SDR: {comparison.gathered.evaluation.test_set}", loc="left")
    note = "\n†: scored with another set of stems" if comparison.scored_otherwise(target) else ""
    panel.set_xlabel(f"SDR (dB), median over frames; a dot: a track{note}")
    return figure


def _draw_speed(comparison: Comparison, target: str) -> Figure | None:
    """Draw the median SDR of every comparable system over the speed of its fast copy."""
    points = _speeds(by_track(comparison.gathered.comparable, target, "SDR"), comparison.records)
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
    machines = sorted({record.costs.machine for record in comparison.records.values() if record.costs})
    panel.set_title(f"{target.capitalize()}: {comparison.gathered.evaluation.test_set}", loc="left")
    panel.set_xlabel(f"speed of the fast copy, one segment at a time (× real time)\n{'; '.join(machines)}")
    panel.set_ylabel("SDR (dB), median over tracks")
    draw_grid(panel, "both")
    place_labels(panel, points)
    return figure


def _differences(pairs: pd.DataFrame, target: str, reference: str, level: float) -> list[_Difference]:
    """Return the differences of all systems to the reference, the lowest mean first."""
    found = []
    for row in pairs[(pairs["target"] == target) & (pairs["metric"] == "SDR")].to_dict("records"):
        sure = bool(row["p_holm"] < level)
        if row["second"] == reference:
            found.append(_Difference(row["first"], row["mean"], row["low"], row["high"], sure))
        elif row["first"] == reference:
            found.append(_Difference(row["second"], -row["mean"], -row["high"], -row["low"], sure))
    shown = [row for row in found if not is_baseline(row.system) and np.isfinite(row.mean)]
    return sorted(shown, key=lambda row: row.mean)


def _speeds(table: pd.DataFrame, records: Mapping[str, SystemRecord]) -> list[tuple[str, float, float]]:
    """Return title, speed and median SDR of every system whose costs are known."""
    points = [
        (record.title, record.costs.times_real_time_fast, float(table[name].median()))
        for name, record in records.items()
        if name in table and record.costs
    ]
    return [point for point in points if np.isfinite(point[2])]


def _name_rows(panel: Axes, titles: list[str]) -> None:
    panel.set_yticks(range(len(titles)), titles)
    panel.set_ylim(-0.6, len(titles) - 0.4)
    draw_grid(panel, "x")


_PICTURES = {"differences": _draw_differences, "boxes": _draw_boxes, "speed": _draw_speed}
"""The pictures of a target, by the name of their files."""
