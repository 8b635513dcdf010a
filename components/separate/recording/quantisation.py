"""The samples of the stems: they add up to the recording, sample by sample, and none wraps around.

Every stem except the last is its estimate, rounded to the format. The last stem is the recording minus the others; the
others are limited so that it stays in range. So the sum is exact in integers, and within half a unit in the last place
in floats. The last stem also gets what the network does not see, such as frequencies above its highest one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.core.sound.decoding import Audio

Samples = NDArray[np.int32] | NDArray[np.float64]

_BITS = {"PCM_S8": 16, "PCM_U8": 16, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
"""Bits of a written sample by the subtype of the source; other subtypes are written as floats."""


@dataclass(frozen=True)
class Encoding:
    """The sample format of a file: libsndfile's subtype, and the bits of a sample; 0 for floats."""

    subtype: str
    bits: int

    @property
    def dtype(self) -> str:
        """NumPy's type of the samples in memory: int32, left-justified as in libsndfile, or float64."""
        return "int32" if self.bits else "float64"


def encoding_for(subtype: str) -> Encoding:
    """Return the encoding of the stems of a source of libsndfile's `subtype`; it never has fewer bits."""
    if subtype in _BITS:
        bits = _BITS[subtype]
        return Encoding(f"PCM_{bits}", bits)
    return Encoding("DOUBLE" if subtype == "DOUBLE" else "FLOAT", 0)


def add_up(encoding: Encoding, recording: Samples, estimates: Audio) -> Samples:
    """Return stems `(stems, channels, n)` that add up to `recording`, `(channels, n)`, close to `estimates`.

    `encoding` is that of the stems. When floats become integers, they are rounded first: the sum is then within half a
    step of the recording, or a whole step at full scale. NaN in an estimate counts as silence.
    """
    if encoding.bits:
        return _integers(encoding.bits, recording, estimates)
    return _floats(encoding, recording, estimates)


def count_clipped(encoding: Encoding, estimates: Audio) -> NDArray[np.int64]:
    """Return for each of `estimates` `(stems, channels, n)` how many samples are beyond the full scale of `encoding`.

    `add_up` limits them to full scale, and the other stems get the difference. For floats all counts are 0.
    """
    if not encoding.bits:
        return np.zeros(len(estimates), np.int64)
    beyond: NDArray[np.int64] = np.sum(np.abs(estimates) > 1.0, axis=(1, 2), dtype=np.int64)
    return beyond


def _integers(bits: int, recording: Samples, estimates: Audio) -> NDArray[np.int32]:
    """Add up in steps of the format, as float64, which has 53 bits for whole numbers."""
    lowest, highest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    left = _steps(bits, recording)
    stems: list[NDArray[np.float64]] = []
    for others, estimate in zip(range(len(estimates) - 1, 0, -1), estimates[:-1], strict=True):
        wanted = np.rint(_numbers(estimate) * (1 << (bits - 1)))
        # the stem fits the format, and the rest fits the other stems
        least = np.maximum(lowest, left - others * highest)
        most = np.minimum(highest, left - others * lowest)
        stems.append(np.clip(wanted, least, most))
        left = left - stems[-1]
    return (np.stack([*stems, left]) * (1 << (32 - bits))).astype(np.int32)


def _steps(bits: int, recording: Samples) -> NDArray[np.float64]:
    """Return the recording in steps of the format; floats are rounded, and full scale is the highest step."""
    if recording.dtype == np.int32:
        return recording / (1 << (32 - bits))
    scale = 1 << (bits - 1)
    return np.clip(np.rint(recording.astype(np.float64) * scale), -scale, scale - 1)


def _floats(encoding: Encoding, recording: Samples, estimates: Audio) -> NDArray[np.float64]:
    written = np.float64 if encoding.subtype == "DOUBLE" else np.float32
    left = recording.astype(np.float64)
    stems = []
    for estimate in estimates[:-1]:
        finite = np.where(np.isfinite(estimate), estimate, 0.0)
        stems.append(finite.astype(written).astype(np.float64))
        left = left - stems[-1]
    return np.stack([*stems, left.astype(written).astype(np.float64)])


def _numbers(estimate: Audio) -> NDArray[np.float64]:
    return np.where(np.isnan(estimate), 0.0, estimate).astype(np.float64)
