"""Pictures of the scores: a box plot a metric, and spectrograms of one track before and after."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from components.core.data.dataset_labels import label_datasets
from components.core.data.manifest import Track
from components.core.data.metric_names import METRICS
from components.core.data.score_figures import STYLE, save
from components.core.models.bundle import Model
from components.core.separating.segments import separate_all
from components.core.sound.decoding import Audio
from components.evaluate.results.results import PICTURES
from components.evaluate.results.spectrogram import decibels
from components.evaluate.scoring.systems import role, title
from components.evaluate.scoring.test_tracks import read_material

_NAMES = {
    "SDR": "signal to distortion ratio",
    "SIR": "signal to interference ratio",
    "SAR": "signal to artefacts ratio",
    "ISR": "image to spatial distortion ratio",
}
_COLOURS = ("#1f6f8b", "#808080", "#d9a441", "#7a5195", "#6a994e", "#bc4749")
_RANGE_DB = 80.0


def draw_pictures(out: Path, seconds: float, model: Model, tracks: Sequence[Track], scores: pd.DataFrame) -> None:
    """Write `out`/pictures, in place of earlier ones: `<metric>.png`; spectrograms.png of the first scored track."""
    shutil.rmtree(out / PICTURES, ignore_errors=True)
    with matplotlib.rc_context(STYLE):
        for metric in METRICS:
            save(box_plot(metric, scores, tracks), out / PICTURES / f"{metric}.png")
        scored = set(scores[scores["reason"] == ""]["track"])
        track = next(track for track in tracks if track.name in scored)
        save(spectrograms(model, track, seconds), out / PICTURES / "spectrograms.png")


def box_plot(metric: str, scores: pd.DataFrame, tracks: Sequence[Track]) -> Figure:
    """Draw a metric's per-track medians: a panel a target, a box a system, a dot a track, the median in figures."""
    rows = scores[scores["metric"] == metric]
    targets, systems = list(dict.fromkeys(rows["target"])), list(dict.fromkeys(rows["system"]))
    figure = Figure(figsize=(2.2 + 1.1 * len(systems) * len(targets), 4.6), layout="constrained")
    panels = figure.subplots(1, len(targets), sharey=True, squeeze=False)[0]
    for panel, target in zip(panels, targets, strict=True):
        of_target = rows[rows["target"] == target]
        _boxes(panel, [of_target[of_target["system"] == system]["value"].dropna().to_numpy() for system in systems])
        panel.set_xticks(range(len(systems)), [_label(system) for system in systems])
        panel.set_title(target.capitalize())
    panels[0].set_ylabel(f"{metric} (dB)")
    count = f"{len(tracks)} test track{'s' if len(tracks) > 1 else ''}"
    datasets = label_datasets(sorted({track.dataset for track in tracks}))
    what = "a dot: a track's median over frames; figures: medians over tracks (BSS Eval v4)"
    figure.suptitle(f"{metric}, {_NAMES[metric]}\n{datasets}, {count}\n{what}", fontsize=10.5)
    return figure


def _boxes(panel: Axes, values: Sequence[NDArray[np.float64]]) -> None:
    for place, (scores, colour) in enumerate(zip(values, _colours(len(values)), strict=True)):
        if not scores.size:
            continue
        # a box of a few tracks would show quartiles that nobody measured
        if scores.size >= _FEWEST_IN_BOX:
            panel.boxplot(
                [scores], positions=[place], widths=0.55, showfliers=False, patch_artist=True,
                boxprops={"facecolor": colour, "alpha": 0.35, "edgecolor": colour},
                medianprops={"color": colour, "linewidth": 2}, whiskerprops={"color": colour},
                capprops={"color": colour}, manage_ticks=False,
            )  # fmt: skip
        spread = np.linspace(-0.16, 0.16, scores.size) if scores.size > 1 else np.zeros(1)
        panel.plot(place + spread, scores, "o", color=colour, markersize=3.5, alpha=0.8, markeredgewidth=0)
        panel.text(place + 0.31, float(np.median(scores)), f"{np.median(scores):.1f}".replace("-", "−"), va="center")
    panel.set_xlim(-0.6, len(values) - 0.2)
    panel.margins(y=0.06)
    panel.axhline(0, color="#888888", linewidth=0.6, zorder=0)
    panel.grid(axis="y", color="#e5e5e5", linewidth=0.6)
    panel.set_axisbelow(True)


_FEWEST_IN_BOX = 5


def spectrograms(model: Model, track: Track, seconds: float) -> Figure:
    """Draw the mixture, the true first target, and every estimated target, `seconds` where the first is loudest."""
    mixture, references = read_material(model, track)
    estimates = separate_all(model.separator, mixture)
    first = model.targets.index("vocals") if "vocals" in model.targets else 0
    part = _loudest(references[first], int(seconds * model.rate))
    panels = [("Before: mixture", mixture), (f"True {model.targets[first]}", references[first])]
    order = [first, *(index for index in range(len(model.targets)) if index != first)]
    panels += [(f"After: estimated {model.targets[index]}", estimates[index]) for index in order]
    return _grid(panels, part, model.rate, f"{track.artist} – {track.title}\n{label_datasets([track.dataset])}")


def _grid(panels: Sequence[tuple[str, Audio]], part: slice, rate: int, heading: str) -> Figure:
    rows = -(-len(panels) // 2)
    figure = Figure(figsize=(9.5, 1.2 + 2.7 * rows), layout="constrained")
    axes = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
    pictures = [decibels(audio[:, part], rate) for _, audio in panels]
    top = max(float(picture.max()) for picture, _ in pictures)
    for panel in axes.flat[len(panels) :]:
        panel.set_visible(False)
    for panel, (name, _), (picture, edges) in zip(axes.flat, panels, pictures, strict=False):
        start, stop = part.start / rate, part.stop / rate
        times = np.linspace(start, stop, picture.shape[1] + 1)
        image = panel.pcolormesh(times, edges, picture - top, vmin=-_RANGE_DB, vmax=0, cmap="magma", rasterized=True)
        panel.set_yscale("log")
        panel.set_ylim(edges[0], edges[-1])
        ticks = [hertz for hertz in (100, 300, 1000, 3000, 10000) if edges[0] <= hertz <= edges[-1]]
        panel.set_yticks(ticks, [f"{hertz:g}" if hertz < 1000 else f"{hertz / 1000:g}k" for hertz in ticks])
        panel.minorticks_off()
        panel.set_title(name, loc="left")
    for panel in axes[:, 0]:
        panel.set_ylabel("Frequency (Hz)")
    for panel in axes[-1]:
        panel.set_xlabel("Time (s)")
    figure.colorbar(image, ax=axes, label="Level (dB; the loudest is 0)", shrink=0.8, pad=0.02)
    figure.suptitle(heading, fontsize=11)
    return figure


def _loudest(signal: Audio, length: int) -> slice:
    """Return the `length` samples of `(channels, samples)` with the most energy, in steps of a tenth of a length."""
    samples = signal.shape[-1]
    if samples <= length:
        return slice(0, samples)
    energy = np.concatenate([[0.0], np.cumsum(np.square(signal, dtype=np.float64).sum(axis=0))])
    starts = np.arange(0, samples - length + 1, max(1, length // 10))
    start = int(starts[np.argmax(energy[starts + length] - energy[starts])])
    return slice(start, start + length)


def _label(system: str) -> str:
    return f"{title(system)}\n({role(system)})" if role(system) else title(system)


def _colours(count: int) -> list[str]:
    return [_COLOURS[index % len(_COLOURS)] for index in range(count)]
