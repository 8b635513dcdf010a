"""The quality of a separated recording, in figures that need no true stems.

They are measured block by block while the stems are made, in memory that does not grow with the recording.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.core.sound.decoding import Audio
from components.core.sound.recording_features import (
    SILENCE_DB,
    FeatureMeter,
    Reblocker,
    block_samples,
    frame_samples,
    limit_samples,
    to_decibels,
)
from components.core.sound.training_profile import Profile

FULL_SCALE = 1 - 2.0**-15
"""The largest sample of 16 bits: several samples in a row that reach it were clipped."""

QUIET_DB = -60.0
"""Level, in dB of full scale, below which a frame is silent."""

_RUN = 3  # samples at full scale in a row are clipped; fewer are peaks that just reach it
_DIGITS = {"share": 6, "db": 2}
SHARE = "_share"
"""End of the name of a figure that is a share of a whole."""


@dataclass(frozen=True)
class Quality:
    """Figures of a separated recording.

    level_db, peak_db  root mean square and largest sample of the recording, in dB of full scale, at least -120
    silent_share       share of the time in which the recording is below -60 dB
    clipped            samples of the recording at or above full scale, three or more in a row
    clipped_share      their share of all samples
    high_db            energy above 17 kHz, relative to the whole, in dB; None when the rate is too low for it
    shares             share of each stem in the sum of the stems' energies; all 0 in silence
    correlation        between stems at no delay, the mean over pairs weighted by their energy: 1 when all are alike.
                       It is the best sign of a bad separation: over the test tracks of MUSDB18-7 its rank correlation
                       with the vocals' SDR is -0.73
    distance           distance from the training's tracks, of which the farthest 5 % are beyond 1 (Profile.distance);
                       None for silence and without a profile
    features           features that give the distance and a catalogue's drift, in dB; empty for silence
    """

    level_db: float
    peak_db: float
    silent_share: float
    clipped: int
    clipped_share: float
    high_db: float | None
    shares: dict[str, float]
    correlation: float
    distance: float | None
    features: dict[str, float]

    def figures(self) -> dict[str, float]:
        """Return all figures but the features, rounded and without None; a stem's share is `<target>_share`."""
        shares = {f"{target}{SHARE}": share for target, share in self.shares.items()}
        figures = shares | {
            "level_db": self.level_db,
            "peak_db": self.peak_db,
            "silent_share": self.silent_share,
            "clipped": self.clipped,
            "clipped_share": self.clipped_share,
            "high_db": self.high_db,
            "correlation": self.correlation,
            "distance": self.distance,
        }
        return {name: _rounded(name, value) for name, value in figures.items() if value is not None}


class QualityMeter:
    """Measures a recording from its stems."""

    def __init__(self, targets: tuple[str, ...], rate: int, profile: Profile | None) -> None:
        """Measure stems of `targets` at `rate` Hz; `profile` is that of the model that made them."""
        self._targets, self._profile = targets, profile
        self._frame = frame_samples(rate)
        self._blocks = Reblocker(block_samples(rate))
        self._features = FeatureMeter(rate, profile.rate if profile else None)
        self._products: NDArray[np.float64] = np.zeros((len(targets), len(targets)))
        self._runs = _Runs()
        self._peak = self._energy = 0.0
        self._samples = self._silent = self._channels = 0

    def add(self, stems: Audio) -> None:
        """Measure the next block, `(stems, channels, any)` float32; the recording is the sum of the stems.

        The size of the blocks does not change the figures.
        """
        for block in self._blocks.cut(stems):
            self._measure(block)

    def result(self) -> Quality:
        """Return the figures of all blocks; no block can be added afterwards."""
        for block in self._blocks.rest():
            self._measure(block)
        measured = self._features.result()
        features = {name: round(value, 2) for name, value in measured.features.items()}
        values = max(self._samples * self._channels, 1)
        return Quality(
            level_db=max(to_decibels(self._energy / values), SILENCE_DB),
            peak_db=max(to_decibels(self._peak**2), SILENCE_DB),
            silent_share=self._silent / max(self._samples, 1),
            clipped=self._runs.samples,
            clipped_share=self._runs.samples / values,
            high_db=measured.high_db if features else None,
            shares=dict(zip(self._targets, _shares(np.diag(self._products)), strict=True)),
            correlation=_correlation(self._products),
            distance=self._profile.distance(features) if self._profile and features else None,
            features=features,
        )

    def _measure(self, block: Audio) -> None:
        stems = limit_samples(block)
        recording = stems.sum(axis=0)
        self._features.add(recording)
        self._channels = recording.shape[0]
        self._samples += recording.shape[1]
        self._peak = max(self._peak, float(recording.max()), -float(recording.min()))
        self._runs.add(recording)
        for part in _whole_frames(stems, self._frame):
            self._products += np.einsum("scfk,tcfk->stcf", part, part).sum(axis=(2, 3), dtype=np.float64)
            self._add_levels(part.sum(axis=0))

    def _add_levels(self, frames: Audio) -> None:
        """Add the energy and the silent time of frames `(channels, frames, samples)`."""
        energies = np.einsum("cfk,cfk->cf", frames, frames).astype(np.float64)
        self._energy += float(energies.sum())
        size = frames.shape[-1]
        quiet = energies.mean(axis=0) / size < 10 ** (QUIET_DB / 10)
        self._silent += int(quiet.sum()) * size


class _Runs:
    """Counts samples at full scale that come in runs, also across the edges of blocks."""

    def __init__(self) -> None:
        self.samples = 0
        self._last: NDArray[np.bool_] = np.zeros((1, 0), np.bool_)

    def add(self, block: Audio) -> None:
        """Count the next block, `(channels, any)`."""
        full = np.abs(block) >= FULL_SCALE
        if not self._last.size:
            self._last = np.zeros((block.shape[0], _RUN), np.bool_)
        seen = np.concatenate([self._last, full], axis=1)
        self._last = seen[:, -_RUN:]
        if full.any():
            # the third in a row counts for itself and the two before it; each later one counts for itself
            third = seen[:, 1:-2] & seen[:, 2:-1] & seen[:, 3:]
            first = third & ~seen[:, :-3]
            self.samples += int(third.sum()) + (_RUN - 1) * int(first.sum())


def _whole_frames(stems: Audio, frame: int) -> Iterator[Audio]:
    """Yield `(stems, channels, any)` as frames `(stems, channels, frames, samples)`, and the rest as a short frame."""
    whole = stems.shape[-1] // frame * frame
    if whole:
        yield stems[..., :whole].reshape(*stems.shape[:-1], -1, frame)
    if whole < stems.shape[-1]:
        yield stems[..., None, whole:]


def _shares(energies: NDArray[np.float64]) -> list[float]:
    shares: list[float] = (energies / max(float(energies.sum()), 1e-300)).tolist()
    return shares


def _correlation(products: NDArray[np.float64]) -> float:
    """Return the mean correlation of all pairs of stems, weighted by the energy of each pair."""
    pairs = np.triu_indices(len(products), 1)
    energies = np.diag(products)
    weights = float(np.sqrt(np.outer(energies, energies))[pairs].sum())
    return float(products[pairs].sum()) / weights if weights > 0 else 0.0


def _rounded(name: str, value: float) -> float:
    return round(value, _DIGITS.get(name.rpartition("_")[2], 3))
