"""A small picture of a recording: spectrograms of the mixture and of each stem.

The cost does not grow with the recording: each pixel column comes from at most two windows.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.core.base.files import whole_file
from components.core.sound.decoding import Audio

WIDTH, ROW, GAP = 480, 96, 4
"""In pixels: width, height of a row, and the transparent gap between two rows."""

_HIGHEST = 16000.0  # Hz at any rate, so that pictures can be compared; dark above half the rate
_WINDOW = 2048 / 44100  # seconds
_LONGEST_WINDOW = 1 << 14  # samples, for files with an absurd rate
_WINDOWS_A_COLUMN = 2
_LOUDEST = 1e6  # larger samples of float files, and NaN, count as silence

_SHADES, _STEP = 12, 6.0  # number of colours, and dB from one to the next; few colours make a small file
_FAINTEST_TOP = -50.0  # dB: the noise floor of a silent recording stays dark
# matplotlib's inferno (N. Smith, S. van der Walt; CC0) at nine places: lightness grows evenly
_INFERNO = (
    *((0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85)),
    *((227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164)),
)


class SpectrogramPicture:
    """Draws the mixture and, below it, each stem: time to the right, frequency upwards, mel-spaced, up to 16 kHz.

    All rows share one scale of colours; the brightest one is the loudest point of the mixture.
    """

    def __init__(self, targets: tuple[str, ...], samples: int, rate: int, drawn: tuple[str, ...] | None = None) -> None:
        """Take all `targets` of a recording of `samples` samples at `rate` Hz, and draw those in `drawn`, or all."""
        self._rows = [0, *(1 + targets.index(target) for target in (targets if drawn is None else drawn))]
        self._samples = samples
        self._window = _hann(max(2, min(_LONGEST_WINDOW, round(_WINDOW * rate))))
        self._bands = _Bands(self._window.size, rate)
        self._a_column = max(1, min(_WINDOWS_A_COLUMN, samples // (WIDTH * self._window.size)))
        self._power = np.zeros((1 + len(targets), ROW, WIDTH))
        self._taken = 0
        self._held: Audio | None = None
        self._end = 0

    def add(self, stems: Audio) -> None:
        """Add the next samples, `(stems, channels, any)` float32, in the order of the targets."""
        size = self._window.size
        if self._held is None:
            self._held = np.zeros((*stems.shape[:2], size), np.float32)
        held = np.concatenate([self._held, stems], axis=-1)
        self._end += stems.shape[-1]
        while self._taken < self._a_column * WIDTH and (start := self._next_start()) + size <= self._end:
            place = start - self._end + held.shape[-1]
            self._take(held[..., place : place + size])
        self._held = held[..., -size:].copy()  # a window that is not whole yet begins in here

    def write(self, path: Path) -> None:
        """Write the picture as PNG, `WIDTH` pixels wide, with rows of `ROW` pixels and gaps of `GAP`."""
        if self._held is not None:
            self.add(np.zeros_like(self._held))  # the last windows reach over the end
        decibels = 10 * np.log10(self._power[self._rows] / self._a_column + 1e-20)
        top = max(float(decibels[0].max()), _FAINTEST_TOP)
        shades = np.clip(np.rint((decibels - top) / _STEP) + _SHADES - 1, 0, _SHADES - 1)
        indices = shades[:, ::-1].astype(np.uint8)  # low frequencies at the bottom
        rows = np.pad(indices, ((0, 0), (0, GAP), (0, 0)), constant_values=_SHADES).reshape(-1, WIDTH)[:-GAP]
        picture = Image.fromarray(rows).convert("P")
        picture.putpalette(_palette())
        with whole_file(path) as partial:
            picture.save(partial, "PNG", bits=4, transparency=_SHADES)

    def _next_start(self) -> int:
        """Return the start of the next window: windows are spread evenly over the recording."""
        total = self._a_column * WIDTH
        return (2 * self._taken + 1) * self._samples // (2 * total) - self._window.size // 2

    def _take(self, frame: Audio) -> None:
        # one window at a time, always of the same shape, so that rounding does not depend on the blocks
        frame = np.where(np.abs(frame) < _LOUDEST, frame, 0) * self._window
        spectra = np.fft.rfft(frame)
        rows = np.concatenate([spectra.sum(axis=0, keepdims=True), spectra])
        power = (rows.real.astype(np.float64) ** 2 + rows.imag.astype(np.float64) ** 2).mean(axis=1)
        self._power[:, :, self._taken // self._a_column] += self._bands.mean(power)
        self._taken += 1


class _Bands:
    """Averages power over mel-spaced bands; a band may be narrower than a bin."""

    def __init__(self, window: int, rate: int) -> None:
        mels = np.linspace(0, 1127 * np.log1p(_HIGHEST / 700), ROW + 1)  # O'Shaughnessy, 1987
        edges = 700 * np.expm1(mels / 1127) * window / rate + 0.5  # bin k reaches from k to k + 1
        self._widths = np.diff(edges)
        self._edges = np.minimum(edges, window // 2 + 1)
        self._bins = np.minimum(self._edges.astype(np.int64), window // 2)

    def mean(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn `(rows, bins)` into `(rows, bands)`; bands above half the rate are 0."""
        below = np.cumsum(power, axis=-1)[:, self._bins] - power[:, self._bins]
        reached: NDArray[np.float64] = below + power[:, self._bins] * (self._edges - self._bins)
        return np.diff(reached, axis=-1) / self._widths


def _hann(size: int) -> Audio:
    """Return a periodic Hann window, scaled so that a sine of full scale has power 1 in its bin."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    scaled: Audio = (window * 2 / window.sum()).astype(np.float32)
    return scaled


def _palette() -> list[int]:
    """Return red, green and blue of each shade."""
    places = np.linspace(0, len(_INFERNO) - 1, _SHADES)
    channels = [np.interp(places, np.arange(len(_INFERNO)), channel) for channel in zip(*_INFERNO, strict=True)]
    colours: list[int] = np.rint(np.stack(channels, axis=-1)).astype(int).ravel().tolist()
    return [*colours, 0, 0, 0]  # the last one is transparent
