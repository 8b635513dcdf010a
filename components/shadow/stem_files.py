"""Stems as 24-bit FLAC files that add up exactly to the mixture beside them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.core.base.files import whole_file
from components.core.sound.decoding import Audio

_SUBTYPE = "PCM_24"
_FULL_SCALE = 1 << 23
_LOWEST, _HIGHEST = -_FULL_SCALE, _FULL_SCALE - 1

Samples24 = NDArray[np.int32]
"""Samples `(channels, samples)` as whole numbers of 24 bits."""


def quantize(mixture: Audio) -> Samples24:
    """Return samples within ±1 as 24-bit numbers."""
    return np.clip(np.rint(mixture.astype(np.float64) * _FULL_SCALE), _LOWEST, _HIGHEST).astype(np.int32)


def quantize_stems(mixture: Samples24, estimates: Mapping[str, Audio]) -> dict[str, Samples24]:
    """Return stems close to the estimates that add up to `mixture`; the last stem is what the others leave.

    Levels stay as they are. A sample beyond full scale is clipped, and the stems after it take up the difference.
    """
    rest, stems = mixture.astype(np.int64), {}
    names = list(estimates)
    for stems_after, name in zip(range(len(names) - 1, 0, -1), names[:-1], strict=True):
        wanted = np.rint(np.nan_to_num(estimates[name]).astype(np.float64) * _FULL_SCALE)
        # the stem must fit into 24 bits, and the remainder must fit into the stems after it
        least, most = rest - stems_after * _HIGHEST, rest - stems_after * _LOWEST
        stems[name] = np.clip(wanted, np.maximum(_LOWEST, least), np.minimum(_HIGHEST, most)).astype(np.int64)
        rest = rest - stems[name]
    stems[names[-1]] = rest
    return {name: stem.astype(np.int32) for name, stem in stems.items()}


def write_flac(path: Path, samples: Samples24, rate: int) -> None:
    """Write `samples` at `rate` Hz; the file carries no metadata that could tell the model."""
    with whole_file(path) as partial:
        soundfile.write(partial, samples.T << 8, rate, _SUBTYPE)  # libsndfile reads the high 24 bits
