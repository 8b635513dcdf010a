"""Reverb, equaliser and compressor, which turn dry tracks into produced stems. Stereo signals are (2, samples)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from demo_songs.signals import CONTROL_HOP, Signal, filtered, to_audio_rate

BANDS = np.array([20, 60, 120, 200, 300, 450, 700, 1000, 1400, 2000, 2800, 4000, 5600, 8000, 11000, 16000], np.float64)

# share of a stem's power per band in dB, median over 48 training excerpts of MUSDB18-7
TYPICAL = {
    "drums": (-7, -4, -9, -13, -17, -18, -22, -23, -23, -23, -20, -19, -20, -23, -25),
    "bass": (-13, -2, -8, -15, -22, -30, -34, -37, -39, -43, -48, -56, -59, -61, -61),
    "other": (-33, -14, -11, -8, -8, -9, -12, -13, -13, -13, -16, -24, -32, -41, -49),
    "vocals": (-40, -37, -24, -12, -9, -6, -9, -10, -12, -16, -17, -22, -22, -25, -29),
}
# half the difference of the 10th and 90th percentile there, in dB
SPREAD = {"drums": 4.5, "bass": 8.0, "other": 6.0, "vocals": 5.0}


def room_response(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """Return the impulse response of a room, (2, samples), unit energy per side: decaying noise (Moorer 1979)."""
    samples = max(64, int(1.2 * seconds * rate))
    noise = rng.standard_normal((2, samples))
    time = np.arange(samples) / rate
    low = filtered(noise, "lowpass", 2500.0, rate, 1)
    response = low * np.exp(-6.9 * time / seconds) + 0.7 * (noise - low) * np.exp(-6.9 * time / (0.45 * seconds))
    response = np.concatenate([np.zeros((2, int(rng.uniform(0.0, 0.03) * rate))), response], axis=1)
    return np.asarray(response / np.sqrt(np.sum(response**2, axis=1, keepdims=True)))


def compress(signal: Signal, ratio: float, rate: int) -> Signal:
    """Reduce loudness above the median of the sounding parts, with one gain for both sides, in about 30 ms."""
    mono = np.mean(signal**2, axis=0)
    padding = -len(mono) % CONTROL_HOP
    power = np.pad(mono, (0, padding)).reshape(-1, CONTROL_HOP).mean(axis=1)
    level = uniform_filter1d(power, max(1, int(0.03 * rate / CONTROL_HOP)))
    sounding = level[level > 1e-4 * level.max()] if level.max() > 0 else level
    if not len(sounding) or level.max() <= 0:
        return signal
    excess = np.maximum(level / np.median(sounding), 1.0)
    gain = gaussian_filter1d(excess ** (0.5 / ratio - 0.5), 2.0)
    return signal * to_audio_rate(np.append(gain, gain[-1]), signal.shape[1])


def produce(
    rng: np.random.Generator, stem: str, dry: Signal, room: Signal, wet: float, delay: tuple[float, float], rate: int
) -> Signal:
    """Apply reverb, echo and equaliser in one pass in the frequency domain.

    The equaliser moves the stem's long-term spectrum most of the way to a random one around TYPICAL, so that synthetic
    stems have the spectra of recorded ones, and their variety. `delay` is the echo's seconds and gain.
    """
    samples = dry.shape[1]
    size = next_fast_len(samples + room.shape[1] + int(delay[0] * rate), real=True)
    spectrum = rfft(dry.astype(np.float32), size, axis=1)  # single precision: twice as fast, noise at -140 dB
    frequencies = np.arange(spectrum.shape[1], dtype=np.float64) * (rate / size)
    if wet > 0.0:
        spectrum = spectrum + wet * spectrum.mean(axis=0) * rfft(room.astype(np.float32), size, axis=1)
    if delay[1] > 0.0:
        comb = 1.0 + delay[1] * np.exp(-2j * np.pi * frequencies * delay[0])
        spectrum = spectrum * comb.astype(np.complex64)
    equaliser = _equaliser(rng, stem, spectrum, frequencies)
    return np.asarray(irfft(spectrum * equaliser, size, axis=1)[:, :samples], dtype=np.float64)


def _equaliser(
    rng: np.random.Generator, stem: str, spectrum: NDArray[np.complexfloating[Any, Any]], frequencies: Signal
) -> Signal:
    power = np.sum(np.abs(spectrum) ** 2, axis=0, dtype=np.float64)
    edges = np.searchsorted(frequencies, BANDS)
    total = np.concatenate([[0.0], np.cumsum(power)])
    measured = 10.0 * np.log10((total[edges[1:]] - total[edges[:-1]]) / (total[-1] + 1e-20) + 1e-9)
    tone = gaussian_filter1d(rng.standard_normal(len(BANDS) - 1), 1.0) * 1.9
    wanted = np.array(TYPICAL[stem]) + 0.6 * SPREAD[stem] * tone
    gain = rng.uniform(0.6, 0.97) * np.clip(wanted - measured, -27.0, 11.0)
    centres = np.log(np.sqrt(BANDS[1:] * BANDS[:-1]))
    curve = np.interp(np.log(np.maximum(frequencies, 1.0)), centres, gain)
    return np.asarray(10.0 ** (curve / 20.0), dtype=np.float32)
