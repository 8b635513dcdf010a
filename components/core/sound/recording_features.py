"""Features of a recording: how its energy is distributed over frequencies, time and channels.

They do not depend on the loudness of the recording and hardly on its length or rate, so recordings can be compared
(`training_profile.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from components.core.sound.decoding import Audio

_DECADE = (100, 125, 160, 200, 250, 315, 400, 500, 630, 800)
BANDS_HZ = (50, 63, 80, *_DECADE, *(10 * centre for centre in _DECADE), 10000, 12500)
"""Nominal centres of the bands: thirds of an octave (IEC 61260-1)."""

WIDTH = "width"
FEATURES = (*(f"band_{centre}" for centre in BANDS_HZ), "tonality", "crest", "dynamics", "pulse", WIDTH)
"""The features of a recording, all in dB.

band_…     energy in a band, relative to that in all bands
tonality   spectral flatness within octaves, of frames weighted by their energy, averaged over octaves: 0 is noise
crest      peaks over the level, within frames
dynamics   how uneven the level is: the mean square of the frames' levels over the square of their mean
pulse      how much the level changes from frame to frame, relative to the level
width      what channels do not share over what they share; in stereo, side over middle
"""

HIGH_HZ = 17000.0
"""Above it MP3 at 128 kbit/s holds nothing (LAME's low-pass), while recordings at 44.1 kHz do."""

LOUDEST = 1e6
"""The largest absolute value of a sample. Larger samples are clipped to it, and NaN becomes silence."""

SILENCE_DB = -120.0
"""A recording below this level, in dB of full scale, is silent: no converter reaches it."""

_FRAMES = 16  # analysed at once
_FRAME_SECONDS = 4096 / 44100
_OCTAVES_HZ = tuple(110.0 * 2.0**octave for octave in range(6))  # to 3.5 kHz: all of it is in telephone sound, too
_BAND_STEP = 10**0.1  # IEC 61260-1's third of an octave
# codecs and dither decide lower levels, and a side channel 30 dB below the middle is inaudible
_LOWEST = {WIDTH: -30.0, "tonality": -30.0, "pulse": -30.0}
_LOWEST_DB, _HIGHEST_DB = -60.0, 30.0
_NOTHING = 1e-30


def frame_samples(rate: int) -> int:
    """Return the number of samples of a frame at `rate` Hz: about 93 ms, 4,096 at 44.1 kHz."""
    return int(fft.next_fast_len(max(round(rate * _FRAME_SECONDS), 16), real=True))


def block_samples(rate: int) -> int:
    """Return the samples that a meter takes at once at `rate` Hz: whole frames, 65,536 samples at 44.1 kHz."""
    return _FRAMES * frame_samples(rate)


def to_decibels(ratio: float) -> float:
    """Return a ratio of energies in dB, not below -300."""
    return float(10 * np.log10(max(ratio, _NOTHING)))


def limit_samples(audio: Audio) -> Audio:
    """Return `audio`, any shape, with all samples within ± LOUDEST and zeros instead of NaN."""
    if max(audio.max(initial=0.0), -audio.min(initial=0.0)) <= LOUDEST:  # False, too, where there is a NaN
        return audio
    return np.clip(np.nan_to_num(audio, nan=0.0), -LOUDEST, LOUDEST)


class Reblocker:
    """Cuts blocks of any size into blocks of one size, so that sums do not depend on the sizes that arrive."""

    def __init__(self, samples: int) -> None:
        """Make blocks of `samples` samples."""
        self._size = samples
        self._held: list[Audio] = []
        self._missing = samples

    def cut(self, audio: Audio) -> Iterator[Audio]:
        """Add a block `(..., any)`; yield all complete blocks, each `(..., samples)`."""
        position = 0
        while audio.shape[-1] - position >= self._missing:
            end = position + self._missing
            yield self._joined(audio[..., position:end])
            position = end
        if position < audio.shape[-1]:
            self._held.append(audio[..., position:].copy())
            self._missing -= audio.shape[-1] - position

    def rest(self) -> Iterator[Audio]:
        """Yield the last block, `(..., fewer)`, if there is one."""
        if self._held:
            yield self._joined(self._held.pop())

    def _joined(self, last: Audio) -> Audio:
        block = np.concatenate([*self._held, last], axis=-1) if self._held else last
        self._held, self._missing = [], self._size
        return block


@dataclass(frozen=True)
class MeasuredFeatures:
    """`features` by their names in FEATURES, empty for silence; `high_db`: the energy above HIGH_HZ over all energy.

    `high_db` is None where the rate is too low for frequencies above HIGH_HZ.
    """

    features: dict[str, float]
    high_db: float | None


class FeatureMeter:
    """Measures the features of a recording block by block, in bounded memory."""

    def __init__(self, rate: int, heard_rate: int | None = None) -> None:
        """Measure samples at `rate` Hz; bands that `heard_rate` Hz cannot hold (a model's, say) count as empty."""
        self._rate, self._heard_rate = rate, heard_rate or rate
        self._blocks = Reblocker(block_samples(rate))
        self._spectrum = _Spectrum(rate)
        self._time = _Time(frame_samples(rate))

    def add(self, audio: Audio) -> None:
        """Measure the next block, `(channels, any)` float32; the result does not depend on the sizes of blocks."""
        for block in self._blocks.cut(audio):
            self._measure(block)

    def result(self) -> MeasuredFeatures:
        """Return the features of all that was added; afterwards nothing can be added."""
        for block in self._blocks.rest():
            if block.shape[1] >= self._spectrum.frame or self._time.frames == 0:
                self._measure(block)
        features: dict[str, float] = {}
        if self._time.level_db() > SILENCE_DB:
            measured = self._spectrum.levels(self._heard_rate) | self._spectrum.tonality() | self._time.features()
            features = {name: _bounded(name, measured[name]) for name in FEATURES}
        return MeasuredFeatures(features, self._spectrum.high_db())

    def _measure(self, block: Audio) -> None:
        frames = split_frames(limit_samples(block), self._spectrum.frame)
        self._spectrum.add(frames)
        self._time.add(frames)


def split_frames(block: Audio, frame: int) -> Audio:
    """Return `(channels, any)` as whole frames, `(channels, frames, frame)`; a shorter block is padded with zeros."""
    samples = block.shape[1]
    if samples < frame:
        return np.pad(block, ((0, 0), (0, frame - samples)))[:, None]
    return block[:, : samples // frame * frame].reshape(block.shape[0], -1, frame)


class _Spectrum:
    """The energy of all channels over frequencies."""

    def __init__(self, rate: int) -> None:
        self.frame = frame_samples(rate)
        self._step = rate / self.frame  # Hz from one bin to the next
        self._window = _hann(self.frame)
        self._power: NDArray[np.float64] = np.zeros(self.frame // 2 + 1)
        edges = np.unique([min(round(edge / self._step), self._power.size) for edge in _OCTAVES_HZ])
        self._starts, self._end = edges[:-1], int(edges[-1])
        self._geometric = self._arithmetic = np.zeros(self._starts.size)

    def add(self, frames: Audio) -> None:
        power = (np.abs(fft.rfft(frames * self._window)) ** 2).sum(axis=0)
        self._power = self._power + power.sum(axis=0, dtype=np.float64)
        if self._starts.size:
            self._add_tones(power[:, : self._end])

    def levels(self, heard_rate: int) -> dict[str, float]:
        centres = 1000 * _BAND_STEP ** np.arange(-13.0, 12.0)
        low, high = centres / np.sqrt(_BAND_STEP), np.minimum(centres * np.sqrt(_BAND_STEP), heard_rate / 2)
        bins = np.arange(self._power.size)[:, None]
        # of a bin at a band's edge a part, so that no band depends on where the bins of a rate happen to lie
        overlap = np.minimum(bins + 0.5, high / self._step) - np.maximum(bins - 0.5, low / self._step)
        energies = self._power @ overlap.clip(min=0.0)
        whole = max(float(energies.sum()), _NOTHING)
        return {f"band_{hz}": to_decibels(energy / whole) for hz, energy in zip(BANDS_HZ, energies, strict=True)}

    def tonality(self) -> dict[str, float]:
        flatness = (self._geometric + _NOTHING) / (self._arithmetic + _NOTHING)
        return {"tonality": float(np.mean(10 * np.log10(flatness))) if flatness.size else 0.0}

    def high_db(self) -> float | None:
        first = round(HIGH_HZ / self._step)
        if first >= self._power.size - 1:
            return None
        return to_decibels(float(self._power[first:].sum()) / max(float(self._power.sum()), _NOTHING))

    def _add_tones(self, power: NDArray[np.float32]) -> None:
        """Add the geometric and the arithmetic mean within octaves; both weigh frames by their energy."""
        first = self._starts[0]
        sizes = np.diff([*self._starts, self._end])
        octaves = self._starts - first
        power = power[:, first:] + np.float32(_NOTHING)
        logarithms = np.add.reduceat(np.log(power), octaves, axis=1) / sizes
        self._geometric = self._geometric + np.exp(logarithms).sum(axis=0, dtype=np.float64)
        self._arithmetic = self._arithmetic + (np.add.reduceat(power, octaves, axis=1) / sizes).sum(axis=0)


class _Time:
    """Levels of frames: their sums, from which their spread follows."""

    def __init__(self, frame: int) -> None:
        self._frame = frame
        self.frames = 0
        self._last: NDArray[np.float64] = np.zeros(0)
        self._levels = self._squares = self._changes = self._peaks = self._energy = self._shared = 0.0

    def add(self, frames: Audio) -> None:
        energies = np.square(frames).sum(axis=2, dtype=np.float64)
        levels = np.sqrt(energies.mean(axis=0) / self._frame)
        self._changes += float(np.abs(np.diff(np.append(self._last, levels))).sum())
        self._last = levels[-1:]
        self.frames += levels.size
        self._levels += float(levels.sum())
        self._squares += float(np.square(levels).sum())
        self._peaks += float(np.square(np.abs(frames).max(axis=2).astype(np.float64)).sum())
        self._energy += float(energies.sum())
        self._shared += float(np.square(frames.sum(axis=0)).sum(dtype=np.float64)) / frames.shape[0]

    def level_db(self) -> float:
        return to_decibels(self._squares / max(self.frames, 1))

    def features(self) -> dict[str, float]:
        return {
            "crest": to_decibels(self._peaks * self._frame / self._energy),
            "dynamics": to_decibels(self._squares * self.frames / self._levels**2),
            "pulse": to_decibels(self._changes / self._levels),
            WIDTH: to_decibels((self._energy - self._shared) / max(self._shared, _NOTHING)),
        }


def _hann(samples: int) -> NDArray[np.float32]:
    """Return a Hann window that is half a sample late, so that no value is zero: a single sample is measured, too."""
    window: NDArray[np.float32] = (np.sin(np.pi * (np.arange(samples) + 0.5) / samples) ** 2).astype(np.float32)
    return window


def _bounded(name: str, value: float) -> float:
    return min(max(value, _LOWEST.get(name, _LOWEST_DB)), _HIGHEST_DB)
