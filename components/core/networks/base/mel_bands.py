"""Bands of equal width on the mel scale, without torch."""

import math

import numpy as np
from numpy.typing import NDArray

_LINEAR_HZ = 200 / 3  # per mel, below 1,000 Hz
_BEND_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27  # above 1,000 Hz: the logarithm of the frequency ratio per mel


def find_mel_bands(bands: int, bins: int, rate: int) -> NDArray[np.bool_]:
    """Return which of the `bins` of an STFT are in which band: `(bands, bins)`.

    The bands are the supports of triangular filters whose edges are equally far apart on Slaney's mel scale (Auditory
    Toolbox, 1998), so neighbours overlap by half. The first bin and the last one, which are on an edge, belong to the
    first band and the last one. Wang, Lu and Won (arXiv 2310.01809), section 2.
    """
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(rate / 2), bands + 2))
    hertz = np.linspace(0.0, rate / 2, bins)
    members: NDArray[np.bool_] = (hertz > edges[:-2, None]) & (hertz < edges[2:, None])
    members[0, 0] = members[-1, -1] = True
    return members


def _hz_to_mel(hertz: float) -> float:
    if hertz < _BEND_HZ:
        return hertz / _LINEAR_HZ
    return _BEND_HZ / _LINEAR_HZ + math.log(hertz / _BEND_HZ) / _LOG_STEP


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    bend = _BEND_HZ / _LINEAR_HZ
    return np.where(mel < bend, mel * _LINEAR_HZ, _BEND_HZ * np.exp(_LOG_STEP * (mel - bend)))
