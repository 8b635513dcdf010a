"""Recordings of any length through a network of fixed size, in bounded memory.

A recording is cut into segments that overlap by half; each is separated, weighted with a triangle and added up, so
that no border is heard and the weights of any two neighbours sum to one. Segments start at fixed places and every
forward pass has the same shape, so the result does not depend on how the samples arrived.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from components.core.audio import Audio
from components.core.networks.separator import Separator


def separate_blocks(separator: Separator, blocks: Iterable[Audio]) -> Iterator[Audio]:
    """Turn blocks of a mixture, `(channels, any)`, into blocks of its stems, `(stems, channels, any)`.

    As many samples come out as went in. At most a few segments are in memory.
    """
    half = separator.segment // 2
    triangle = _triangle(half)
    held: Audio | None = None
    for window, fresh in _windows(blocks, half):
        stems = _separate(separator, window) * triangle
        if held is not None:
            yield (held + stems[..., :half])[..., :fresh]
        held = stems[..., half:]


def separate_all(separator: Separator, mixture: Audio) -> Audio:
    """Separate a recording that is in memory: `(channels, samples)` to `(stems, channels, samples)`."""
    return np.concatenate(list(separate_blocks(separator, [mixture])), axis=-1)


def _windows(blocks: Iterable[Audio], half: int) -> Iterator[tuple[Audio, int]]:
    """Yield segments of `2 * half` samples, `half` apart, the first of them `half` before the start.

    With each comes how many of the samples in its first half belong to the recording: all, but for the last ones.
    """
    rest: Audio | None = None
    for block in blocks:
        rest = np.pad(block, ((0, 0), (half, 0))) if rest is None else np.concatenate([rest, block], axis=1)
        while rest.shape[1] >= 2 * half:
            yield rest[:, : 2 * half], half
            rest = rest[:, half:]
    if rest is None:
        return
    # rest: half a segment that has been seen, and the last samples, fewer than half a segment
    last = rest.shape[1] - half
    padded = np.pad(rest, ((0, 0), (0, 2 * half)))
    yield padded[:, : 2 * half], half
    yield padded[:, half : 3 * half], last


def _separate(separator: Separator, window: Audio) -> Audio:
    with torch.inference_mode():
        stems = separator(torch.from_numpy(np.ascontiguousarray(window)).unsqueeze(0))
    result: Audio = stems[0].numpy()
    return result


def _triangle(half: int) -> Audio:
    rise = (np.arange(half, dtype=np.float32) + 0.5) / half
    return np.concatenate([rise, rise[::-1]]).astype(np.float32)
