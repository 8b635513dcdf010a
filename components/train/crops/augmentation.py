"""What is done to a stem before it is mixed into a crop; every draw comes from the crop's own generator."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import soxr
import torch

from components.core.sound.decoding import Audio
from components.core.sound.torchaudio_compat import torchaudio
from components.train.config import AugmentConfig

_WINDOW, _HOP = 2048, 512
_ROLL_OFF = 0.04  # of the limit: how wide the slope of the low-pass is


@dataclass(frozen=True)
class Warp:
    """`tempo`: how much faster, `pitch`: how much higher; 1 is unchanged."""

    tempo: float = 1.0
    pitch: float = 1.0

    def needed(self, samples: int) -> int:
        """Return how many samples of the recording make `samples`: a window more, since the last frames end early."""
        return samples if self == Warp() else int(np.ceil(samples * self.tempo)) + _WINDOW


def draw_warp(augment: AugmentConfig, random: np.random.Generator) -> Warp:
    """Draw whether and how tempo and pitch are changed."""
    if random.random() >= augment.warp_share:
        return Warp()
    tempo = 1 + random.uniform(-augment.warp_tempo, augment.warp_tempo)
    semitones = random.uniform(-augment.warp_semitones, augment.warp_semitones)
    return Warp(tempo, 2 ** (semitones / 12))


def warped(stem: Audio, warp: Warp, samples: int) -> Audio:
    """Return `(channels, samples)` of `stem`, which has `warp.needed(samples)` samples.

    A phase vocoder changes the duration (Flanagan and Golden, 1966), resampling then pitch and duration together.
    """
    if warp == Warp():
        return stem
    hann = torch.hann_window(_WINDOW)
    # padded with zeros: phases of a reflection would be carried on through the whole crop, and cost tones up to 15 dB
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


def band_limited(stems: Audio, limit: float, rate: int) -> Audio:
    """Return `stems`, `(…, samples)` at `rate` Hz, without what lies above `limit` Hz.

    So a stem that was recorded at a low rate can be mixed with others: the network never learns that whatever is above
    its limit belongs to the others.
    """
    if limit >= rate / 2:
        return stems
    samples = stems.shape[-1]
    size = scipy.fft.next_fast_len(samples, real=True)
    spectrum = scipy.fft.rfft(stems, size)
    frequency = np.linspace(0, rate / 2, spectrum.shape[-1], dtype=np.float32)
    spectrum *= np.clip((limit - frequency) / (_ROLL_OFF * limit), 0, 1)
    limited: Audio = scipy.fft.irfft(spectrum, size)[..., :samples]
    return limited


def varied(stem: Audio, augment: AugmentConfig, random: np.random.Generator) -> Audio:
    """Return `stem`, `(channels, samples)`, at another level, and perhaps with sign or channels changed."""
    gain = 10 ** (random.uniform(-augment.gain_db, augment.gain_db) / 20)
    if random.random() < augment.flip_share:
        gain = -gain
    if random.random() < augment.swap_share:
        stem = stem[::-1]
    if random.random() < augment.silence_share:
        gain = 0.0
    return stem * np.float32(gain)
