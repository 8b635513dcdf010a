"""The SDR of the averaged network on the validation tracks, while it trains."""

import numpy as np
from numpy.typing import NDArray

from components.core.data.cache_format import CachedTrack, ShardReader
from components.core.networks.base.separator import Separator
from components.core.separating.segments import separate_audio
from components.core.sound.decoding import Audio
from components.train.process_group import ProcessGroup

_EPSILON = 1e-10


def validation_sdr(separator: Separator, reader: ShardReader, seconds: float, group: ProcessGroup) -> dict[str, float]:
    """Return each target's SDR in dB, median over 1 s frames, then over tracks; the same on every process.

    Each track gives an excerpt from its middle. The excerpts have equal lengths, `seconds` together. The SDR is that of
    BSS Eval v4, 10·log10(‖s‖² / ‖s − ŝ‖²). Frames in which a target is silent are ignored.
    """
    samples = max(round(seconds / len(reader.tracks)), 1) * reader.rate
    own_tracks = reader.tracks[group.rank :: group.size]
    scores = group.gather([_excerpt_sdr(separator, reader, track, samples) for track in own_tracks])
    by_target = np.array(scores).T
    return {target: _median(values) for target, values in zip(reader.targets, by_target, strict=True)}


def track_sdr(stems: Audio, estimates: Audio, rate: int) -> list[float]:
    """Return each target's SDR in dB, median over 1 s frames; both are `(targets, channels, samples)`."""
    return [_median(frame_sdr(*pair, rate)) for pair in zip(stems, estimates, strict=True)]


def _excerpt_sdr(separator: Separator, reader: ShardReader, track: CachedTrack, samples: int) -> list[float]:
    start = max(track.samples - samples, 0) // 2
    stems = np.stack([reader.read(track, target, start, samples) for target in reader.targets])
    return track_sdr(stems, separate_audio(separator, stems.sum(axis=0)), reader.rate)


def frame_sdr(stem: Audio, estimate: Audio, rate: int) -> NDArray[np.float64]:
    """Return the SDR of each frame of 1 s, `(frames,)`, in dB, of `(channels, samples)`; NaN where the stem is silent.

    SDR of BSS Eval v4 (Stöter et al., 2018) is 10 log10(|s|² / |s − ŝ|²) of a frame.
    """
    signal = _frame_energy(stem, rate)
    error = _frame_energy(stem - estimate, rate)
    sdr = 10 * np.log10((signal + _EPSILON) / (error + _EPSILON))
    return np.where(signal > _EPSILON, sdr, np.nan)


def _frame_energy(audio: Audio, rate: int) -> NDArray[np.float64]:
    whole = audio[:, : audio.shape[1] // rate * rate].astype(np.float64)
    energy: NDArray[np.float64] = (whole**2).reshape(audio.shape[0], -1, rate).sum(axis=(0, 2))
    return energy


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")
