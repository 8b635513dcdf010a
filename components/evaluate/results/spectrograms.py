"""Spectrograms of one test track, before and after the separation, on a logarithmic frequency axis."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from components.core.data.evaluation import label_datasets
from components.core.data.manifest import Track
from components.core.models.model_folder import Model
from components.core.separating.segments import separate_audio
from components.core.sound.decoding import Audio
from components.core.sound.stft import Stft
from components.core.sound.stft_config import StftConfig
from components.evaluate.scoring.track_signals import read_signals

_BANDS = 220
_LOWEST_HERTZ = 60.0
_FLOOR = 1e-6
_RANGE_DB = 80.0
_TICKS_HERTZ = (100, 300, 1000, 3000, 10000)
_STFT = StftConfig(window=4096, hop=512)

Levels = NDArray[np.float64]


def draw_spectrograms(model: Model, track: Track, seconds: float) -> Figure:
    """Draw `seconds` of mixture, true vocals (or first target) and every estimate, where the true target is loudest."""
    mixture, references = read_signals(model, track)
    estimates = separate_audio(model.separator, mixture)
    first = model.targets.index("vocals") if "vocals" in model.targets else 0
    order = [first, *(index for index in range(len(model.targets)) if index != first)]
    panels = [("Before: mixture", mixture), (f"True {model.targets[first]}", references[first])]
    panels += [(f"After: estimated {model.targets[index]}", estimates[index]) for index in order]
    part = _loudest_part(references[first], int(seconds * model.rate))
    return _draw_grid(panels, part, model.rate, f"{track.artist} – {track.title}\n{label_datasets([track.dataset])}")


def _draw_grid(panels: Sequence[tuple[str, Audio]], part: slice, rate: int, heading: str) -> Figure:
    rows = -(-len(panels) // 2)
    figure = Figure(figsize=(9.5, 1.2 + 2.7 * rows), layout="constrained")
    axes = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
    pictures = [_levels(audio[:, part], rate) for _, audio in panels]
    top = max(float(picture.max()) for picture, _ in pictures)
    for panel in axes.flat[len(panels) :]:
        panel.set_visible(False)
    for panel, (name, _), (picture, edges) in zip(axes.flat, panels, pictures, strict=False):
        times = np.linspace(part.start / rate, part.stop / rate, picture.shape[1] + 1)
        image = panel.pcolormesh(times, edges, picture - top, vmin=-_RANGE_DB, vmax=0, cmap="magma", rasterized=True)
        panel.set_yscale("log")
        panel.set_ylim(edges[0], edges[-1])
        ticks = [hertz for hertz in _TICKS_HERTZ if edges[0] <= hertz <= edges[-1]]
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


def _levels(audio: Audio, rate: int) -> tuple[Levels, Levels]:
    """Return the levels of `(channels, samples)` in dB, `(bands, frames)`, and the bands' edges in Hz, `(bands + 1,)`.

    A band shows its loudest STFT bin. Where it contains none, as at low frequencies, it shows the nearest bin.
    """
    with torch.inference_mode():
        power = (Stft(_STFT)(torch.from_numpy(np.ascontiguousarray(audio))).abs() ** 2).mean(dim=0).numpy()
    edges = np.geomspace(_LOWEST_HERTZ, rate / 2, _BANDS + 1)
    bins = edges * _STFT.window / rate
    lows = np.clip(np.round(bins[:-1]).astype(int), 0, power.shape[0] - 1)
    highs = np.maximum(np.round(bins[1:]).astype(int), lows + 1)
    bands = np.stack([power[low:high].max(axis=0) for low, high in zip(lows, highs, strict=True)])
    return 10 * np.log10(bands.astype(np.float64) + _FLOOR), edges


def _loudest_part(signal: Audio, length: int) -> slice:
    """Return the `length` samples of `(channels, samples)` with the most energy, in steps of a tenth of `length`."""
    samples = signal.shape[-1]
    if samples <= length:
        return slice(0, samples)
    energy = np.concatenate([[0.0], np.cumsum(np.square(signal, dtype=np.float64).sum(axis=0))])
    starts = np.arange(0, samples - length + 1, max(1, length // 10))
    start = int(starts[np.argmax(energy[starts + length] - energy[starts])])
    return slice(start, start + length)
