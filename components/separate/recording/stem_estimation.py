"""The estimation of a recording's stems, at the recording's own rate and channels, and in bounded memory.

More channels than the model has go through it in groups. A single channel goes to all inputs of the model, and the
outputs are averaged.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import tee

import numpy as np

from components.core.models.model_folder import Model
from components.core.sound.decoding import Audio
from components.core.sound.resampling import convert_channels, resample_blocks

Separate = Callable[[Iterable[Audio]], Iterator[Audio]]
"""Turns blocks at a model's rate and channels, `(channels, any)`, into as many samples of stems, `(stems, …)`."""


def estimate_stems(
    model: Model, separate: Separate, blocks: Iterable[Audio], rate: int, channels: int
) -> Iterator[Audio]:
    """Turn blocks `(channels, n)` at `rate` Hz into estimated stems, `(stems, channels, m)`.

    Resampling may make the stems a few samples longer or shorter than the recording; SampleQueue evens that out.
    """
    groups = [slice(first, first + model.channels) for first in range(0, channels, model.channels)]
    copies = tee(blocks, len(groups))
    parts = [_estimate_group(model, separate, copy, rate, group) for copy, group in zip(copies, groups, strict=True)]
    for stems in zip(*parts, strict=True):
        yield np.concatenate(stems, axis=1)


def _estimate_group(
    model: Model, separate: Separate, blocks: Iterable[Audio], rate: int, group: slice
) -> Iterator[Audio]:
    """Separate a group of channels; every group gets the same blocks, so all yield blocks of the same size."""
    ours, theirs = tee(block[group] for block in blocks)
    width = next(ours).shape[0]
    del ours
    inputs = resample_blocks((convert_channels(block, model.channels) for block in theirs), rate, model.rate)
    stems = (_to_width(block, width) for block in separate(inputs))
    flat = (block.reshape(len(model.targets) * width, block.shape[-1]) for block in stems)
    for block in resample_blocks(flat, model.rate, rate):
        yield block.reshape(len(model.targets), width, block.shape[-1])


def _to_width(stems: Audio, width: int) -> Audio:
    if stems.shape[1] == width:
        return stems
    return np.stack([convert_channels(stem, width) for stem in stems])


class SampleQueue:
    """Takes blocks of any size and returns samples in the sizes that are asked for; zeros after the last block."""

    def __init__(self, blocks: Iterator[Audio], shape: tuple[int, ...]) -> None:
        """Take samples from `blocks`, each `(*shape, any)`."""
        self._blocks = blocks
        self._held = [np.zeros((*shape, 0), np.float32)]

    def take(self, samples: int) -> Audio:
        """Return the next `samples` samples, `(*shape, samples)`."""
        missing = samples - self._held[0].shape[-1]
        while missing > 0:
            block = next(self._blocks, None)
            if block is None:
                block = np.zeros((*self._held[0].shape[:-1], missing), np.float32)
            self._held.append(block)
            missing -= block.shape[-1]
        joined = np.concatenate(self._held, axis=-1)
        self._held = [joined[..., samples:]]
        return joined[..., :samples]
