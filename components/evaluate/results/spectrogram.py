"""A spectrogram for the eye: levels on a logarithmic frequency axis, few enough of them for a picture."""

import numpy as np
import torch
from numpy.typing import NDArray

from components.core.sound.decoding import Audio
from components.core.sound.stft import Stft, StftConfig

_BANDS = 220
_LOWEST_HERTZ = 60.0
_FLOOR = 1e-6
_STFT = StftConfig(window=4096, hop=512)


def decibels(audio: Audio, rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn `(channels, samples)` into levels in dB, `(bands, frames)`, and the bands' edges in Hz, `(bands + 1,)`.

    A band holds the loudest STFT bin in it, or the nearest where it holds none, as at low frequencies.
    """
    with torch.inference_mode():
        power = (Stft(_STFT)(torch.from_numpy(np.ascontiguousarray(audio))).abs() ** 2).mean(dim=0).numpy()
    edges = np.geomspace(_LOWEST_HERTZ, rate / 2, _BANDS + 1)
    places = edges * _STFT.window / rate
    lows = np.clip(np.round(places[:-1]).astype(int), 0, power.shape[0] - 1)
    highs = np.maximum(np.round(places[1:]).astype(int), lows + 1)
    bands = np.stack([power[low:high].max(axis=0) for low, high in zip(lows, highs, strict=True)])
    return 10 * np.log10(bands.astype(np.float64) + _FLOOR), edges
