"""Augmentation of stems before they are mixed into a crop; all random numbers come from the crop's own generator."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import soxr
import torch

from components.core.sound.decoding import Audio
from components.core.sound.torchaudio_compat import torchaudio
from components.train.config import AugmentConfig

_WINDOW, _HOP = 2048, 512
_TRANSITION = 0.04  # width of the low-pass filter's slope, as a share of the limit


@dataclass(frozen=True)
class Warp:
    """A change of tempo and pitch, as factors; 1 is unchanged."""

    tempo: float = 1.0
    pitch: float = 1.0

    def input_samples(self, samples: int) -> int:
        """Return the length of recording that gives `samples`, with one window more because the last frames fade."""
        return samples if self == Warp() else int(np.ceil(samples * self.tempo)) + _WINDOW


def draw_warp(augment: AugmentConfig, random: np.random.Generator) -> Warp:
    """Draw whether and how tempo and pitch change."""
    if random.random() >= augment.warp_share:
        return Warp()
    tempo = 1 + random.uniform(-augment.warp_tempo, augment.warp_tempo)
    semitones = random.uniform(-augment.warp_semitones, augment.warp_semitones)
    return Warp(tempo, 2 ** (semitones / 12))


def warp_stem(stem: Audio, warp: Warp, samples: int) -> Audio:
    """Return `(channels, samples)` of `stem`, which has `warp.input_samples(samples)` samples.

    A phase vocoder changes the duration (Flanagan and Golden, 1966); then resampling changes pitch and duration.
    """
    if warp == Warp():
        return stem
    hann = torch.hann_window(_WINDOW)
    # padded with zeros: the vocoder would carry phases of a reflection through the whole crop, up to 15 dB less tone
    spectrum = torch.stft(
        torch.from_numpy(np.ascontiguousarray(stem)),
        _WINDOW,
        _HOP,
        window=hann,
        pad_mode="constant",
        return_complex=True,
    )
    advance = torch.linspace(0, torch.pi * _HOP, _WINDOW // 2 + 1)[:, None]
    stretched = torchaudio.functional.phase_vocoder(spectrum, warp.tempo / warp.pitch, advance)
    audio = torch.istft(stretched, _WINDOW, _HOP, window=hann).numpy()
    shifted = soxr.resample(audio.T, warp.pitch, 1.0, quality="QQ").T.astype(np.float32)[:, :samples]
    return np.pad(shifted, ((0, 0), (0, samples - shifted.shape[1])))


def limit_band(stems: Audio, limit: float, rate: int) -> Audio:
    """Return `stems`, `(…, samples)` at `rate` Hz, without frequencies above `limit` Hz.

    A stem of a low rate has nothing above its limit. With the others limited too, the network does not learn that all
    high frequencies belong to the others.
    """
    if limit >= rate / 2:
        return stems
    samples = stems.shape[-1]
    size = scipy.fft.next_fast_len(samples, real=True)
    spectrum = scipy.fft.rfft(stems, size)
    frequency = np.linspace(0, rate / 2, spectrum.shape[-1], dtype=np.float32)
    spectrum *= np.clip((limit - frequency) / (_TRANSITION * limit), 0, 1)
    limited: Audio = scipy.fft.irfft(spectrum, size)[..., :samples]
    return limited


def vary_level_and_channels(stem: Audio, augment: AugmentConfig, random: np.random.Generator) -> Audio:
    """Return `stem`, `(channels, samples)`, with a random gain, and perhaps silent, sign-flipped or channel-swapped."""
    gain = 10 ** (random.uniform(-augment.gain_db, augment.gain_db) / 20)
    if random.random() < augment.flip_share:
        gain = -gain
    if random.random() < augment.swap_share:
        stem = stem[::-1]
    if random.random() < augment.silence_share:
        gain = 0.0
    return stem * np.float32(gain)
