"""Separate recordings of any length in segments of fixed size, in bounded memory.

A recording is cut into segments that overlap. Each is separated and faded in and out, and the results are added. The
weights of all segments at a sample sum to one, so no border is audible. Segments start at fixed places and all forward
passes have the same shape, so the result does not depend on the sizes of the blocks that arrive.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

import numpy as np

from components.core.networks.base.separator import Separator
from components.core.separating.postprocessing_config import OVERLAP
from components.core.separating.segment_pool import SegmentPool, separate_segments
from components.core.sound.decoding import Audio


def separate_blocks(
    separator: Separator, blocks: Iterable[Audio], overlap: float = OVERLAP, threads: int = 1
) -> Iterator[Audio]:
    """Turn blocks of a mixture, `(channels, any)`, into blocks of its stems, `(stems, channels, any)`, float32.

    The stems have as many samples as the mixture. `overlap` is the share of a segment that overlaps with the next one.
    At most a few segments are in memory.

    Each of several `threads` separates segments on one core, while the caller reads on and uses the results. The number
    of threads does not change the result; one thread gives the same result where torch computes on one thread.
    """
    if threads == 1:
        yield from _overlap_add(partial(_separate_in_turn, separator), separator.segment, blocks, overlap)
    else:
        with SegmentPool(separator, threads) as pool:
            yield from separate_in_pool(pool, blocks, overlap)


def separate_in_pool(pool: SegmentPool, blocks: Iterable[Audio], overlap: float = OVERLAP) -> Iterator[Audio]:
    """Separate like `separate_blocks`, with a pool that recordings in other threads may share."""
    yield from _overlap_add(partial(_separate_in_parallel, pool), pool.segment, blocks, overlap)


def separate_audio(separator: Separator, mixture: Audio, overlap: float = OVERLAP) -> Audio:
    """Separate a recording in memory: `(channels, samples)` to `(stems, channels, samples)`, float32."""
    return np.concatenate(list(separate_blocks(separator, [mixture], overlap)), axis=-1)


class _Segment(NamedTuple):
    """A segment, `(channels, size)`. Of its first `hop` samples, those from `begin` to `end` lie in the recording."""

    samples: Audio
    begin: int
    end: int


_Separated = Iterator[tuple[Audio, _Segment]]


def _overlap_add(
    separated: Callable[[Iterator[_Segment]], _Separated], size: int, blocks: Iterable[Audio], overlap: float
) -> Iterator[Audio]:
    hop = max(1, round(size * (1 - overlap)))
    weights = _weights(size, hop)
    held: Audio | None = None
    for estimates, segment in separated(_cut_segments(blocks, size, hop)):
        stems = estimates * weights
        if held is not None:
            stems[..., : size - hop] += held
        # no later segment overlaps with the first `hop` samples
        yield stems[..., segment.begin : segment.end]
        held = stems[..., hop:]


def _separate_in_turn(separator: Separator, segments: Iterator[_Segment]) -> _Separated:
    for segment in segments:
        yield separate_segments(separator, [segment.samples], 1)[0], segment


def _separate_in_parallel(pool: SegmentPool, segments: Iterator[_Segment]) -> _Separated:
    waiting: deque[tuple[Future[Audio], _Segment]] = deque()
    try:
        for segment in segments:
            waiting.append((pool.submit(segment.samples), segment))
            if len(waiting) == pool.ahead:
                yield _next_result(waiting)
        while waiting:
            yield _next_result(waiting)
    finally:
        for future, _ in waiting:
            future.cancel()


def _next_result(waiting: deque[tuple[Future[Audio], _Segment]]) -> tuple[Audio, _Segment]:
    future, segment = waiting.popleft()
    return future.result(), segment


def _cut_segments(blocks: Iterable[Audio], size: int, hop: int) -> Iterator[_Segment]:
    """Yield segments `hop` apart. The first one starts before the recording: only its last `hop` samples are in it."""
    tail: Audio | None = None
    position = hop - size  # of the first sample of `tail` in the recording
    for block in blocks:
        tail = np.pad(block, ((0, 0), (size - hop, 0))) if tail is None else np.concatenate([tail, block], axis=1)
        while tail.shape[1] >= size:
            yield _Segment(tail[:, :size], min(max(-position, 0), hop), hop)
            tail, position = tail[:, hop:], position + hop
    if tail is None:
        return
    total = position + tail.shape[1]
    while position < max(total, 1):  # an empty recording has empty stems
        rest = tail[:, :size]
        padded = np.pad(rest, ((0, 0), (0, size - rest.shape[1])))
        yield _Segment(padded, min(max(-position, 0), hop), min(hop, total - position))
        tail, position = tail[:, hop:], position + hop


def _weights(size: int, hop: int) -> Audio:
    """Return a trapezium that rises over the overlap, at most to the middle. Overlapping weights sum to 1."""
    slope = max(1, min(size - hop, size // 2))
    distance = np.arange(size) + 0.5
    trapezium = np.minimum(np.minimum(distance, distance[::-1]) / slope, 1.0)
    steps = -(-size // hop)
    total = np.pad(trapezium, (0, steps * hop - size)).reshape(steps, hop).sum(axis=0)
    weights: Audio = (trapezium / np.tile(total, steps)[:size]).astype(np.float32)
    return weights
