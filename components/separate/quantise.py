"""Stems as they are written: they add up to the recording, sample by sample, and none is clipped.

Each stem but the last is its estimate, rounded to the format and held where what is left for the others still fits; the
last is what is left. So the sum is exact in integers, and within half a unit in the last place in floats, and
everything that the network cannot see (above its highest frequency, say) is in the last stem.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.core.audio import Audio

Samples = NDArray[np.int32] | NDArray[np.float64]

_BITS = {"PCM_S8": 16, "PCM_U8": 16, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
"""Bits a written sample has, by the subtype of the source; all others are written as floats."""


@dataclass(frozen=True)
class Encoding:
    """How samples are read and written: libsndfile's subtype and NumPy's type; `bits` is 0 for floats."""

    subtype: str
    bits: int

    @property
    def dtype(self) -> str:
        """What the samples are in memory: int32, left-justified as libsndfile has them, or float64."""
        return "int32" if self.bits else "float64"


def encoding_for(subtype: str) -> Encoding:
    """Return what a source of libsndfile's `subtype` is written as: never fewer bits than it has."""
    if subtype in _BITS:
        bits = _BITS[subtype]
        return Encoding(f"PCM_{bits}", bits)
    return Encoding("DOUBLE" if subtype == "DOUBLE" else "FLOAT", 0)


def add_up(encoding: Encoding, recording: Samples, estimates: Audio) -> Samples:
    """Return stems `(stems, channels, n)` that add up to `recording`, `(channels, n)`, close to `estimates`."""
    if encoding.bits:
        return _integers(encoding.bits, recording, estimates)
    return _floats(encoding, recording, estimates)


def _integers(bits: int, recording: Samples, estimates: Audio) -> NDArray[np.int32]:
    shift = 32 - bits
    lowest, highest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    left = recording.astype(np.int64) >> shift
    stems = []
    for estimate in estimates[:-1]:
        wanted = np.rint(estimate.astype(np.float64) * (1 << (bits - 1)))
        # the stem and what it leaves both fit the format
        stem = np.clip(wanted, np.maximum(lowest, left - highest), np.minimum(highest, left - lowest)).astype(np.int64)
        stems.append(stem)
        left = left - stem
    return (np.stack([*stems, left]) << shift).astype(np.int32)


def _floats(encoding: Encoding, recording: Samples, estimates: Audio) -> NDArray[np.float64]:
    written = np.float64 if encoding.subtype == "DOUBLE" else np.float32
    left = recording.astype(np.float64)
    stems = []
    for estimate in estimates[:-1]:
        stems.append(estimate.astype(written).astype(np.float64))
        left = left - stems[-1]
    return np.stack([*stems, left.astype(written).astype(np.float64)])
