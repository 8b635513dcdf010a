"""The picture of a verdict: the gain or loss of each track, the average with its lower bound, and the limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.core.data.bootstrap import Values
from components.core.data.score_plots import STYLE, ZERO_LINE, draw_grid, save
from components.core.release.verdict import Verdict
from components.gate.config import GateConfig
from components.gate.score_rules import differences_by_target, gains_by_target, lower_bound
from components.gate.scores import Scores

_GAINED, _LOST, _LIMIT = "#1f6f8b", "#bc4749", "#d9a441"


@dataclass(frozen=True)
class _Content:
    """The values of the picture by target, in dB: each track's difference, the average, its lower bound, a limit."""

    against: str
    differences: Mapping[str, Values]
    averages: Mapping[str, tuple[float, float]]
    limits: Mapping[str, float]


def draw_differences(
    path: Path, config: GateConfig, verdict: Verdict, challenger: Scores, champion: Scores | None
) -> None:
    """Write the picture to `path`: one panel per target, one dot per track."""
    content = _to_champion(config, verdict, challenger, champion) if champion else _to_mixture(config, challenger)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.2 + 3.4 * max(1, len(content.differences)), 4.2), layout="constrained")
        panels = figure.subplots(1, max(1, len(content.differences)), squeeze=False)[0]
        for panel, (target, values) in zip(panels, content.differences.items(), strict=False):
            _draw_panel(panel, np.sort(values), content.averages.get(target), content.limits.get(target))
            panel.set_title(target.capitalize())
        panels[0].set_ylabel("difference of SDR (dB)")
        word = "passed" if verdict.passed else "was refused"
        figure.suptitle(f"Version {verdict.version} {word}: test tracks against\n{content.against}", fontsize=10.5)
        save(figure, path)


def _to_champion(config: GateConfig, verdict: Verdict, challenger: Scores, champion: Scores) -> _Content:
    found = differences_by_target(challenger, champion)
    several = {target: values for target, values in found.items() if len(values) > 1}
    averages = {target: (float(values.mean()), lower_bound(values, config)) for target, values in several.items()}
    live = f"version {verdict.champion}" if verdict.champion else "the shipped model"
    against = f"{live} (mean; with {config.confidence:.0%} confidence at least)"
    return _Content(against, found, averages, dict.fromkeys(found, -config.margin_db))


def _to_mixture(config: GateConfig, challenger: Scores) -> _Content:
    found = gains_by_target(challenger)
    averages = {target: (float(np.median(values)),) * 2 for target, values in found.items() if len(values)}
    return _Content("the mixture as estimate (median)", found, averages, config.minimum_gain_db)


def _draw_panel(panel: Axes, values: Values, average: tuple[float, float] | None, limit: float | None) -> None:
    places = np.arange(len(values))
    colours = [_GAINED if value >= 0 else _LOST for value in values]
    panel.vlines(places, 0, values, color=colours, linewidth=0.8, alpha=0.5)
    panel.scatter(places, values, c=colours, s=14, zorder=3)
    panel.axhline(0, color=ZERO_LINE, linewidth=0.8)
    if limit is not None:
        panel.axhline(limit, color=_LIMIT, linewidth=1.4, linestyle="--", label=f"limit: {limit:+.2f} dB")
    if average is not None:
        middle, low = average
        place = len(values) + 0.5
        panel.plot([place], [middle], "D", color="black", markersize=5, label=f"all tracks: {middle:+.2f} dB")
        if low < middle:
            panel.vlines(place, low, middle, color="black", linewidth=2)
            panel.plot([place], [low], "_", color="black", markersize=10, label=f"at least: {low:+.2f} dB")
    panel.set_xlabel(f"{len(values)} tracks, sorted")
    panel.set_xticks([])
    draw_grid(panel, "y")
    if panel.get_legend_handles_labels()[0]:
        panel.legend(frameon=False, fontsize=8, loc="upper left")
