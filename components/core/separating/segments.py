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
from components.core.separating.window_pool import WindowPool, separate_windows
from components.core.sound.decoding import Audio


def separate_blocks(
    separator: Separator, blocks: Iterable[Audio], overlap: float = 0.5, threads: int = 1
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
        with WindowPool(separator, threads) as pool:
            yield from separate_in_pool(pool, blocks, overlap)


def separate_in_pool(pool: WindowPool, blocks: Iterable[Audio], overlap: float = 0.5) -> Iterator[Audio]:
    """Separate like `separate_blocks`, with a pool that recordings in other threads may share."""
    yield from _overlap_add(partial(_separate_in_parallel, pool), pool.segment, blocks, overlap)


def separate_audio(separator: Separator, mixture: Audio, overlap: float = 0.5) -> Audio:
    """Separate a recording in memory: `(channels, samples)` to `(stems, channels, samples)`, float32."""
    return np.concatenate(list(separate_blocks(separator, [mixture], overlap)), axis=-1)


class _Window(NamedTuple):
    """A segment; of its first `hop` samples those from `begin` to `end` belong to the recording."""

    samples: Audio
    begin: int
    end: int


_Separated = Iterator[tuple[Audio, _Window]]


def _overlap_add(
    separated: Callable[[Iterator[_Window]], _Separated], segment: int, blocks: Iterable[Audio], overlap: float
) -> Iterator[Audio]:
    hop = max(1, round(segment * (1 - overlap)))
    weights = _weights(segment, hop)
    held: Audio | None = None
    for estimates, window in separated(_windows(blocks, segment, hop)):
        stems = estimates * weights
        if held is not None:
            stems[..., : segment - hop] += held
        # no later segment overlaps with the first `hop` samples
        yield stems[..., window.begin : window.end]
        held = stems[..., hop:]


def _separate_in_turn(separator: Separator, windows: Iterator[_Window]) -> _Separated:
    for window in windows:
        yield separate_windows(separator, [window.samples], 1)[0], window


def _separate_in_parallel(pool: WindowPool, windows: Iterator[_Window]) -> _Separated:
    waiting: deque[tuple[Future[Audio], _Window]] = deque()
    try:
        for window in windows:
            waiting.append((pool.submit(window.samples), window))
            if len(waiting) == pool.ahead:
                yield _next_result(waiting)
        while waiting:
            yield _next_result(waiting)
    finally:
        for future, _ in waiting:
            future.cancel()


def _next_result(waiting: deque[tuple[Future[Audio], _Window]]) -> tuple[Audio, _Window]:
    future, window = waiting.popleft()
    return future.result(), window


def _windows(blocks: Iterable[Audio], segment: int, hop: int) -> Iterator[_Window]:
    """Yield segments `hop` apart. The first one starts before the recording: only its last `hop` samples are in it."""
    tail: Audio | None = None
    position = hop - segment  # of the first sample of `tail` in the recording
    for block in blocks:
        tail = np.pad(block, ((0, 0), (segment - hop, 0))) if tail is None else np.concatenate([tail, block], axis=1)
        while tail.shape[1] >= segment:
            yield _Window(tail[:, :segment], min(max(-position, 0), hop), hop)
            tail, position = tail[:, hop:], position + hop
    if tail is None:
        return
    total = position + tail.shape[1]
    while position < max(total, 1):  # an empty recording has empty stems
        window = tail[:, :segment]
        padded = np.pad(window, ((0, 0), (0, segment - window.shape[1])))
        yield _Window(padded, min(max(-position, 0), hop), min(hop, total - position))
        tail, position = tail[:, hop:], position + hop


def _weights(segment: int, hop: int) -> Audio:
    """Return a trapezium that rises over the overlap, at most to the middle. The overlapping weights sum to 1."""
    slope = max(1, min(segment - hop, segment // 2))
    distance = np.arange(segment) + 0.5
    trapezium = np.minimum(np.minimum(distance, distance[::-1]) / slope, 1.0)
    steps = -(-segment // hop)
    total = np.pad(trapezium, (0, steps * hop - segment)).reshape(steps, hop).sum(axis=0)
    weights: Audio = (trapezium / np.tile(total, steps)[:segment]).astype(np.float32)
    return weights
