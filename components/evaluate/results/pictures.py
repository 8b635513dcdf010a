"""Pictures of the scores: a box plot for every metric, and spectrograms of one track before and after."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.core.data.artifacts import PICTURES
from components.core.data.bootstrap import Values
from components.core.data.evaluation import label_datasets
from components.core.data.manifest import Track
from components.core.data.score_plots import STYLE, ZERO_LINE, draw_distribution, draw_grid, save
from components.core.data.score_tables import METRIC, METRICS, REASON, SYSTEM, TARGET, TRACK, VALUE
from components.core.models.model_folder import Model
from components.evaluate.results.spectrograms import draw_spectrograms
from components.evaluate.scoring.systems import role, title

_METRIC_TITLES = {
    "SDR": "signal to distortion ratio",
    "SIR": "signal to interference ratio",
    "SAR": "signal to artefacts ratio",
    "ISR": "image to spatial distortion ratio",
}
_COLOURS = ("#1f6f8b", "#808080", "#d9a441", "#7a5195", "#6a994e", "#bc4749")


def draw_pictures(out: Path, seconds: float, model: Model, tracks: Sequence[Track], scores: pd.DataFrame) -> None:
    """Write `out`/pictures: `<metric>.png`, and spectrograms.png of the first scored track.

    Pictures of an earlier run are deleted. `seconds` is the length of the spectrograms.
    """
    folder = PICTURES.within(out)
    shutil.rmtree(folder, ignore_errors=True)
    with matplotlib.rc_context(STYLE):
        for metric in METRICS:
            save(_draw_box_plot(metric, scores, tracks), folder / f"{metric}.png")
        scored = set(scores[scores[REASON] == ""][TRACK])
        track = next(track for track in tracks if track.name in scored)
        save(draw_spectrograms(model, track, seconds), folder / "spectrograms.png")


def _draw_box_plot(metric: str, scores: pd.DataFrame, tracks: Sequence[Track]) -> Figure:
    """Draw a metric: one panel per target, one box per system, one dot per track, the median over tracks as number."""
    rows = scores[scores[METRIC] == metric]
    targets, systems = list(dict.fromkeys(rows[TARGET])), list(dict.fromkeys(rows[SYSTEM]))
    figure = Figure(figsize=(2.2 + 1.1 * len(systems) * len(targets), 4.6), layout="constrained")
    panels = figure.subplots(1, len(targets), sharey=True, squeeze=False)[0]
    for panel, target in zip(panels, targets, strict=True):
        of_target = rows[rows[TARGET] == target]
        _draw_boxes(panel, [of_target[of_target[SYSTEM] == system][VALUE].dropna().to_numpy() for system in systems])
        panel.set_xticks(range(len(systems)), [_label(system) for system in systems])
        panel.set_title(target.capitalize())
    panels[0].set_ylabel(f"{metric} (dB)")
    count = f"{len(tracks)} test track{'s' if len(tracks) > 1 else ''}"
    datasets = label_datasets(sorted({track.dataset for track in tracks}))
    legend = "a dot: a track's median over frames; figures: medians over tracks (BSS Eval v4)"
    figure.suptitle(f"{metric}, {_METRIC_TITLES[metric]}\n{datasets}, {count}\n{legend}", fontsize=10.5)
    return figure


def _draw_boxes(panel: Axes, values: Sequence[Values]) -> None:
    for place, scores in enumerate(values):
        if not scores.size:
            continue
        draw_distribution(panel, place, scores, _COLOURS[place % len(_COLOURS)], "vertical")
        panel.text(place + 0.31, float(np.median(scores)), f"{np.median(scores):.1f}".replace("-", "−"), va="center")
    panel.set_xlim(-0.6, len(values) - 0.2)
    panel.margins(y=0.06)
    panel.axhline(0, color=ZERO_LINE, linewidth=0.6, zorder=0)
    draw_grid(panel, "y")


def _label(system: str) -> str:
    return f"{title(system)}\n({role(system)})" if role(system) else title(system)
