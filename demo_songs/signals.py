"""Building blocks of the instruments: control curves, band-limited wavetables, noise, strings and samplers.

Times are in seconds, frequencies in Hz, signals are float64 mono arrays of shape (samples,) unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfilt

Signal = NDArray[np.float64]
Kind = Literal["lowpass", "highpass", "bandpass"]

CONTROL_HOP = 128  # samples between two points of a control curve: 2.9 ms at 44.1 kHz, finer than any gesture here
TABLE_SIZE = 2048
TABLE_LEVELS = 21  # half-octave steps from 1 to 1024 harmonics


def midi_to_hz(midi: Signal | float) -> Signal:
    """Return the frequency in Hz of (fractional) MIDI pitches; A4 is 69 and 440 Hz."""
    return np.asarray(440.0 * 2.0 ** ((np.asarray(midi, dtype=np.float64) - 69.0) / 12.0))


def decibels(value: float) -> float:
    """Return the amplitude factor of a gain in dB."""
    return float(10.0 ** (value / 20.0))


def control_points(samples: int) -> int:
    """Return the number of control points that cover `samples` samples, and one more."""
    return samples // CONTROL_HOP + 2


def to_audio_rate(control: Signal, samples: int) -> Signal:
    """Interpolate a control curve linearly to `samples` samples."""
    return np.asarray(np.interp(np.arange(samples) / CONTROL_HOP, np.arange(len(control)), control))


def smooth_noise(rng: np.random.Generator, points: int, sigma: float) -> Signal:
    """Return slow Gaussian noise of unit variance, smoothed over `sigma` control points."""
    coarse = max(1.0, sigma / 2.0)  # on a coarse grid, where a wide Gaussian filter is cheaper
    drawn = rng.standard_normal(int(points / coarse) + 12)
    rough = gaussian_filter1d(drawn, sigma / coarse) * np.sqrt(2.0 * np.sqrt(np.pi) * max(sigma / coarse, 0.3))
    return np.asarray(np.interp(np.arange(points) / coarse + 4.0, np.arange(len(rough)), rough))


def wavetables(amplitudes: Signal, phases: Signal | None = None) -> Signal:
    """Return one period of a harmonic series per band limit, (TABLE_LEVELS, TABLE_SIZE + 1), unit RMS at full band.

    `amplitudes[k]` is that of harmonic k + 1. Level l holds the first 2^(l/2) harmonics.
    """
    count = min(len(amplitudes), TABLE_SIZE // 2 - 1)
    spectrum = np.zeros((TABLE_LEVELS, TABLE_SIZE // 2 + 1), dtype=np.complex128)
    angle = np.zeros(count) if phases is None else phases[:count]
    for level in range(TABLE_LEVELS):
        kept = min(count, int(2.0 ** (level / 2)))
        spectrum[level, 1 : kept + 1] = amplitudes[:kept] * np.exp(1j * angle[:kept])
    tables = np.fft.irfft(spectrum, axis=1)
    tables /= np.sqrt(np.mean(tables[-1] ** 2)) + 1e-12
    return np.concatenate([tables, tables[:, :1]], axis=1)


def read_wavetable(tables: Signal, phase: Signal, hertz: Signal, rate: int) -> Signal:
    """Read an oscillator with `phase` in cycles and `hertz` per sample; the band limit follows the frequency."""
    harmonics = rate / 2.0 / np.maximum(hertz[::CONTROL_HOP], 10.0)
    level = np.clip((2.0 * np.log2(np.maximum(harmonics, 1.0))).astype(np.int64), 0, TABLE_LEVELS - 1)
    position = (phase - np.floor(phase)) * TABLE_SIZE
    index = position.astype(np.int64)
    fraction = position - index
    index += np.repeat(level * (TABLE_SIZE + 1), CONTROL_HOP)[: len(phase)]
    flat = tables.ravel()
    low = flat[index]
    return low + fraction * (flat[index + 1] - low)


def oscillate(tables: Signal, hertz: Signal, rate: int, start: float = 0.0) -> Signal:
    """Return a wavetable oscillator with a frequency per sample; `start` is the first phase in cycles."""
    return read_wavetable(tables, start + np.cumsum(hertz) / rate, hertz, rate)


def saw_series(tilt: float = 1.0, odd_only: bool = False, count: int = 512) -> Signal:
    """Return the amplitudes k^-tilt of a series like a saw, or like a square with odd harmonics only."""
    k = np.arange(1, count + 1, dtype=np.float64)
    series = k**-tilt
    return np.where(k % 2 == 1, series, 0.0) if odd_only else series


def band(kind: Kind, edges: float | tuple[float, float], rate: int, order: int = 2) -> Signal:
    """Return Butterworth sections; edges are limited to (10 Hz, 0.48 rate) so that any sample rate works."""
    limit = 0.48 * rate
    if isinstance(edges, tuple):
        low = min(max(edges[0], 10.0), 0.8 * limit)
        return np.asarray(butter(order, (low, min(max(edges[1], 1.1 * low), limit)), kind, fs=rate, output="sos"))
    return np.asarray(butter(order, min(max(edges, 10.0), limit), kind, fs=rate, output="sos"))


def filtered(signal: Signal, kind: Kind, edges: float | tuple[float, float], rate: int, order: int = 2) -> Signal:
    """Filter `signal` along its last axis with a Butterworth filter."""
    return np.asarray(sosfilt(band(kind, edges, rate, order), signal))


def decay(samples: int, rate: int, seconds: float) -> Signal:
    """Return an exponential decay with time constant `seconds`."""
    return np.asarray(np.exp(-np.arange(samples) / (rate * max(seconds, 1e-4))))


def pluck(rng: np.random.Generator, hertz: float, seconds: float, rate: int, damping: float, pick: float) -> Signal:
    """Return a plucked string (Karplus and Strong 1983), computed in whole periods.

    `damping` is the loss per period, `pick` (0-0.5) the plucking point, whose comb Jaffe and Smith 1983 describe. The
    delay line has a whole number of samples; reading it at a slightly other speed tunes the string exactly.
    """
    period = max(2, int(rate / hertz))
    count = int(seconds * hertz * (1.0 + 0.5 / period)) + 2
    line = np.empty(count * period + 1)
    burst = rng.uniform(-1.0, 1.0, period)
    burst -= np.roll(burst, int(pick * period))
    line[0] = 0.0
    line[1 : period + 1] = burst - burst.mean()
    weight = 0.5 * (1.0 - damping)
    for turn in range(1, count):
        begin = 1 + turn * period
        np.add(line[begin - period : begin], line[begin - period - 1 : begin - 1], out=line[begin : begin + period])
        line[begin : begin + period] *= weight
    speed = hertz * (period + 0.5) / rate
    samples = int(seconds * rate)
    return np.asarray(np.interp(np.arange(samples) * speed, np.arange(len(line)), line))


def place(track: Signal, sound: Signal, start: float, gain: float, rate: int) -> None:
    """Add `sound` to `track` from `start` seconds on, without the part outside the track."""
    begin = round(start * rate)
    first = max(0, -begin)
    last = min(len(sound), len(track) - begin)
    if last > first:
        track[begin + first : begin + last] += gain * sound[first:last]


Tone = tuple[float, float, float, float]  # start s, length s, MIDI pitch, velocity 0-1


def play_samples(
    tones: Iterable[Tone], sample: Callable[[float], Signal], samples: int, rate: int, release: float
) -> Signal:
    """Play tones with samples: `sample(midi)` renders each pitch once; each tone cuts, fades and places it."""
    track = np.zeros(samples)
    bank: dict[float, Signal] = {}
    fade = 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, max(2, int(release * rate))))
    for start, length, midi, velocity in tones:
        if midi not in bank:
            bank[midi] = sample(midi)
        sound = bank[midi]
        held = min(len(sound), int(length * rate))
        tail = sound[held : held + len(fade)]
        cut = np.concatenate([sound[:held], tail * fade[: len(tail)]])
        place(track, cut, start, velocity, rate)
    return track
