"""The picture beside a verdict: what each track gained or lost, the mean with what it surely is, and the line."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.core.data.bootstrap import Values
from components.core.data.score_figures import STYLE, save
from components.core.release.verdict import Verdict
from components.gate.config import GateConfig
from components.gate.score_rules import bound_of, differences_by_target, gains_by_target
from components.gate.scores import Scores

_GAINED, _LOST, _LINE = "#1f6f8b", "#bc4749", "#d9a441"


@dataclass(frozen=True)
class _Drawn:
    """What a picture shows: by target each track's difference, the middle with its lower bound, and the line, in dB."""

    against: str
    differences: Mapping[str, Values]
    middles: Mapping[str, tuple[float, float]]
    lines: Mapping[str, float]


def draw_differences(
    path: Path, config: GateConfig, verdict: Verdict, challenger: Scores, champion: Scores | None
) -> None:
    """Write the picture to `path`: a panel a target, a dot a track."""
    drawn = _to_champion(config, verdict, challenger, champion) if champion else _to_mixture(config, challenger)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.2 + 3.4 * max(1, len(drawn.differences)), 4.2), layout="constrained")
        panels = figure.subplots(1, max(1, len(drawn.differences)), squeeze=False)[0]
        for panel, (target, values) in zip(panels, drawn.differences.items(), strict=False):
            _panel(panel, np.sort(values), drawn.middles.get(target), drawn.lines.get(target))
            panel.set_title(target.capitalize())
        panels[0].set_ylabel("difference of SDR (dB)")
        word = "passed" if verdict.passed else "was refused"
        figure.suptitle(f"Version {verdict.version} {word}: test tracks against\n{drawn.against}", fontsize=10.5)
        save(figure, path)


def _to_champion(config: GateConfig, verdict: Verdict, challenger: Scores, champion: Scores) -> _Drawn:
    found = differences_by_target(challenger, champion)
    middles = {
        target: (float(values.mean()), bound_of(values, config)) for target, values in found.items() if len(values) > 1
    }
    against = f"version {verdict.champion} (mean; with {config.confidence:.0%} confidence at least)"
    return _Drawn(against, found, middles, dict.fromkeys(found, -config.margin_db))


def _to_mixture(config: GateConfig, challenger: Scores) -> _Drawn:
    found = gains_by_target(challenger)
    middles = {target: (float(np.median(values)),) * 2 for target, values in found.items() if len(values)}
    return _Drawn("the mixture as estimate (median)", found, middles, config.minimum_gain_db)


def _panel(panel: Axes, values: Values, centre: tuple[float, float] | None, line: float | None) -> None:
    places = np.arange(len(values))
    colours = [_GAINED if value >= 0 else _LOST for value in values]
    panel.vlines(places, 0, values, color=colours, linewidth=0.8, alpha=0.5)
    panel.scatter(places, values, c=colours, s=14, zorder=3)
    panel.axhline(0, color="#888888", linewidth=0.8)
    if line is not None:
        panel.axhline(line, color=_LINE, linewidth=1.4, linestyle="--", label=f"asked: {line:+.2f} dB")
    if centre is not None:
        middle, low = centre
        place = len(values) + 0.5
        panel.plot([place], [middle], "D", color="black", markersize=5, label=f"all tracks: {middle:+.2f} dB")
        if low < middle:
            panel.vlines(place, low, middle, color="black", linewidth=2)
            panel.plot([place], [low], "_", color="black", markersize=10, label=f"at least: {low:+.2f} dB")
    panel.set_xlabel(f"{len(values)} tracks, sorted")
    panel.set_xticks([])
    panel.grid(axis="y", color="#e5e5e5", linewidth=0.6)
    panel.set_axisbelow(True)
    if panel.get_legend_handles_labels()[0]:
        panel.legend(frameon=False, fontsize=8, loc="upper left")
