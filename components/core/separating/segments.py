"""Recordings of any length through a network of fixed size, in bounded memory.

A recording is cut into segments that overlap; each is separated, weighted so that it fades in and out, and added up: no
border is heard, and the weights at any sample sum to one. Segments start at fixed places and every forward pass has the
same shape, so the result does not depend on how the samples arrived.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

import numpy as np

from components.core.networks.base.separator import Separator
from components.core.separating.lanes import WindowPool, separate_windows
from components.core.sound.decoding import Audio


def separate_blocks(
    separator: Separator, blocks: Iterable[Audio], overlap: float = 0.5, lanes: int = 1
) -> Iterator[Audio]:
    """Turn blocks of a mixture, `(channels, any)`, into blocks of its stems, `(stems, channels, any)`.

    As many samples come out as went in. `overlap` is the share of a segment that the next one sees again. At most a few
    segments are in memory.

    With several `lanes` segments are separated by as many threads, each on one core, while the caller's thread reads on
    and uses what is done. Their number changes no bit, also against one lane where torch computes on one thread.
    """
    if lanes == 1:
        yield from _added_up(partial(_in_turn, separator), separator.segment, blocks, overlap)
    else:
        with WindowPool(separator, lanes) as pool:
            yield from separate_in_pool(pool, blocks, overlap)


def separate_in_pool(pool: WindowPool, blocks: Iterable[Audio], overlap: float = 0.5) -> Iterator[Audio]:
    """Do what `separate_blocks` does with a pool that other recordings, in other threads, may share."""
    yield from _added_up(partial(_ahead, pool), pool.segment, blocks, overlap)


def separate_all(separator: Separator, mixture: Audio, overlap: float = 0.5) -> Audio:
    """Separate a recording that is in memory: `(channels, samples)` to `(stems, channels, samples)`."""
    return np.concatenate(list(separate_blocks(separator, [mixture], overlap)), axis=-1)


class _Window(NamedTuple):
    """A segment, and which of its first `hop` samples belong to the recording."""

    samples: Audio
    begin: int
    end: int


_Separated = Iterator[tuple[Audio, _Window]]


def _added_up(
    separated: Callable[[Iterator[_Window]], _Separated], segment: int, blocks: Iterable[Audio], overlap: float
) -> Iterator[Audio]:
    hop = max(1, round(segment * (1 - overlap)))
    weights = _weights(segment, hop)
    held: Audio | None = None
    for estimates, window in separated(_windows(blocks, segment, hop)):
        stems = estimates * weights
        if held is not None:
            stems[..., : segment - hop] += held
        # no later segment reaches into the first `hop` samples
        yield stems[..., window.begin : window.end]
        held = stems[..., hop:]


def _in_turn(separator: Separator, windows: Iterator[_Window]) -> _Separated:
    for window in windows:
        yield separate_windows(separator, [window.samples], 1)[0], window


def _ahead(pool: WindowPool, windows: Iterator[_Window]) -> _Separated:
    waiting: deque[tuple[Future[Audio], _Window]] = deque()
    try:
        for window in windows:
            waiting.append((pool.submit(window.samples), window))
            if len(waiting) == pool.ahead:
                yield _first_of(waiting)
        while waiting:
            yield _first_of(waiting)
    finally:
        for future, _ in waiting:
            future.cancel()


def _first_of(waiting: deque[tuple[Future[Audio], _Window]]) -> tuple[Audio, _Window]:
    future, window = waiting.popleft()
    return future.result(), window


def _windows(blocks: Iterable[Audio], segment: int, hop: int) -> Iterator[_Window]:
    """Yield segments `hop` apart, the first of them so far before the start that its last `hop` samples are new."""
    rest: Audio | None = None
    position = hop - segment  # of the rest's first sample within the recording
    for block in blocks:
        rest = np.pad(block, ((0, 0), (segment - hop, 0))) if rest is None else np.concatenate([rest, block], axis=1)
        while rest.shape[1] >= segment:
            yield _Window(rest[:, :segment], min(max(-position, 0), hop), hop)
            rest, position = rest[:, hop:], position + hop
    if rest is None:
        return
    total = position + rest.shape[1]
    while position < max(total, 1):  # of nothing, too, come stems of no samples
        window = rest[:, :segment]
        padded = np.pad(window, ((0, 0), (0, segment - window.shape[1])))
        yield _Window(padded, min(max(-position, 0), hop), min(hop, total - position))
        rest, position = rest[:, hop:], position + hop


def _weights(segment: int, hop: int) -> Audio:
    """Return a trapezium that rises over the overlap, at most to the middle, scaled so that all of them sum to 1."""
    slope = max(1, min(segment - hop, segment // 2))
    distance = np.arange(segment) + 0.5
    trapezium = np.minimum(np.minimum(distance, distance[::-1]) / slope, 1.0)
    steps = -(-segment // hop)
    total = np.pad(trapezium, (0, steps * hop - segment)).reshape(steps, hop).sum(axis=0)
    weights: Audio = (trapezium / np.tile(total, steps)[:segment]).astype(np.float32)
    return weights
