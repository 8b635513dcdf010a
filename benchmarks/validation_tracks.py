"""Scores and speed of a separator on the validation tracks of a cache, for several benchmarks."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.core.data.cache_format import ShardReader
from components.core.networks.base.separator import Separator
from components.core.separating.postprocessing_config import OVERLAP
from components.core.separating.segments import separate_audio
from components.train.validation import track_sdr


@dataclass(frozen=True)
class TrackScores:
    """`sdr`: `(tracks, targets)` in dB, median over 1 s frames; `speed`: seconds of music separated in a second."""

    sdr: NDArray[np.float64]
    speed: float


def score_tracks(separator: Separator, reader: ShardReader, overlap: float = OVERLAP) -> TrackScores:
    """Separate every whole track of `reader` and score it."""
    rows, seconds, music = [], 0.0, 0.0
    for track in reader.tracks:
        stems = np.stack([reader.read(track, target, 0, track.samples) for target in reader.targets])
        started = time.perf_counter()
        estimates = separate_audio(separator, stems.sum(axis=0), overlap)
        seconds += time.perf_counter() - started
        music += track.samples / reader.rate
        rows.append(track_sdr(stems, estimates, reader.rate))
    return TrackScores(np.array(rows), music / seconds)
