"""Stems as FLAC files that add up to the mixture beside them, to the last bit."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.core.base.files import whole_file
from components.core.sound.decoding import Audio

_SUBTYPE = "PCM_24"
_STEPS = 1 << 23
_LOWEST, _HIGHEST = -_STEPS, _STEPS - 1

Steps = NDArray[np.int32]


def in_steps(mixture: Audio) -> Steps:
    """Return samples within ± 1 as whole numbers of the format."""
    return np.clip(np.rint(mixture.astype(np.float64) * _STEPS), _LOWEST, _HIGHEST).astype(np.int32)


def add_up(mixture: Steps, estimates: Mapping[str, Audio]) -> dict[str, Steps]:
    """Return stems close to the estimates that add up to `mixture`; the last is what the others leave of it.

    None is made louder or softer: what is beyond full scale is held there, and the others have it.
    """
    left, stems = mixture.astype(np.int64), {}
    names = list(estimates)
    for others, name in zip(range(len(names) - 1, 0, -1), names[:-1], strict=True):
        wanted = np.rint(np.nan_to_num(estimates[name]).astype(np.float64) * _STEPS)
        # the stem fits the format, and what it leaves fits the others
        least, most = left - others * _HIGHEST, left - others * _LOWEST
        stems[name] = np.clip(wanted, np.maximum(_LOWEST, least), np.minimum(_HIGHEST, most)).astype(np.int64)
        left = left - stems[name]
    stems[names[-1]] = left
    return {name: stem.astype(np.int32) for name, stem in stems.items()}


def write_flac(path: Path, steps: Steps, rate: int) -> None:
    """Write `(channels, samples)`; nothing in the file says who made it."""
    with whole_file(path) as partial:
        soundfile.write(partial, steps.T << 8, rate, _SUBTYPE)  # libsndfile takes the high bits
