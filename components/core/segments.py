"""Recordings of any length through a network of fixed size, in bounded memory.

A recording is cut into segments that overlap; each is separated, weighted so that it fades in and out, and added up: no
border is heard, and the weights at any sample sum to one. Segments start at fixed places and every forward pass has the
same shape, so the result does not depend on how the samples arrived.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from components.core.audio import Audio
from components.core.networks.separator import Separator


def separate_blocks(separator: Separator, blocks: Iterable[Audio], overlap: float = 0.5) -> Iterator[Audio]:
    """Turn blocks of a mixture, `(channels, any)`, into blocks of its stems, `(stems, channels, any)`.

    As many samples come out as went in. `overlap` is the share of a segment that the next one sees again. At most a few
    segments are in memory.
    """
    segment = separator.segment
    hop = max(1, round(segment * (1 - overlap)))
    weights = _weights(segment, hop)
    held: Audio | None = None
    for window, begin, end in _windows(blocks, segment, hop):
        stems = _separate(separator, window) * weights
        if held is not None:
            stems[..., : segment - hop] += held
        # no later segment reaches into the first `hop` samples
        yield stems[..., begin:end]
        held = stems[..., hop:]


def separate_all(separator: Separator, mixture: Audio, overlap: float = 0.5) -> Audio:
    """Separate a recording that is in memory: `(channels, samples)` to `(stems, channels, samples)`."""
    return np.concatenate(list(separate_blocks(separator, [mixture], overlap)), axis=-1)


def _windows(blocks: Iterable[Audio], segment: int, hop: int) -> Iterator[tuple[Audio, int, int]]:
    """Yield segments `hop` apart, the first of them so far before the start that its last `hop` samples are new.

    With each comes which of its first `hop` samples belong to the recording.
    """
    rest: Audio | None = None
    position = hop - segment  # of the rest's first sample within the recording
    for block in blocks:
        rest = np.pad(block, ((0, 0), (segment - hop, 0))) if rest is None else np.concatenate([rest, block], axis=1)
        while rest.shape[1] >= segment:
            yield rest[:, :segment], min(max(-position, 0), hop), hop
            rest, position = rest[:, hop:], position + hop
    if rest is None:
        return
    total = position + rest.shape[1]
    while position < max(total, 1):  # of nothing, too, come stems of no samples
        window = rest[:, :segment]
        padded = np.pad(window, ((0, 0), (0, segment - window.shape[1])))
        yield padded, min(max(-position, 0), hop), min(hop, total - position)
        rest, position = rest[:, hop:], position + hop


def _separate(separator: Separator, window: Audio) -> Audio:
    with torch.inference_mode():
        stems = separator(torch.from_numpy(np.ascontiguousarray(window)).unsqueeze(0))
    result: Audio = stems[0].numpy()
    return result


def _weights(segment: int, hop: int) -> Audio:
    """Return a trapezium that rises over the overlap, at most to the middle, scaled so that all of them sum to 1."""
    slope = max(1, min(segment - hop, segment // 2))
    distance = np.arange(segment) + 0.5
    trapezium = np.minimum(np.minimum(distance, distance[::-1]) / slope, 1.0)
    steps = -(-segment // hop)
    total = np.pad(trapezium, (0, steps * hop - segment)).reshape(steps, hop).sum(axis=0)
    weights: Audio = (trapezium / np.tile(total, steps)[:segment]).astype(np.float32)
    return weights
