"""A pool of threads that separate segments of recordings: on several cores, or many in one forward pass on a GPU."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from types import TracebackType
from typing import Self

import numpy as np
import torch

from components.core.networks.base.separator import Separator
from components.core.sound.decoding import Audio


class SegmentPool:
    """Threads that separate segments of `separator.segment` samples. Any number of recordings may share a pool.

    Each thread computes on one core. It takes up to `batch` segments at once, from any recordings, and adds silent
    segments up to `batch`. So all forward passes have the same shape, and the stems of a segment depend neither on
    other segments nor on the number of threads. A `batch` above 1 is faster on a GPU only. Use the pool in a `with`
    block, which ends the threads.
    """

    def __init__(self, separator: Separator, threads: int = 1, batch: int = 1) -> None:
        self.segment = separator.segment
        self.ahead = 2 * threads * batch
        """The most segments that a recording submits in advance: no thread waits, and memory is bounded."""
        self._separator, self._batch = separator, batch
        self._waiting: deque[tuple[Audio, Future[Audio]]] = deque()
        self._threads = ThreadPoolExecutor(threads, "separate", initializer=partial(torch.set_num_threads, 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    def submit(self, segment: Audio) -> Future[Audio]:
        """Separate a segment `(channels, samples)`; the result of the future is `(stems, channels, samples)`."""
        future: Future[Audio] = Future()
        self._waiting.append((segment, future))
        self._threads.submit(self._separate_waiting)
        return future

    def _separate_waiting(self) -> None:
        segments, futures = self._take_segments()
        if not segments:
            return  # an earlier pass took them
        try:
            stems = separate_segments(self._separator, segments, self._batch)
        except BaseException as error:
            for future in futures:
                future.set_exception(error)
        else:
            for future, result in zip(futures, stems, strict=True):
                future.set_result(result)

    def _take_segments(self) -> tuple[list[Audio], list[Future[Audio]]]:
        segments: list[Audio] = []
        futures: list[Future[Audio]] = []
        while self._waiting and len(segments) < self._batch:
            try:
                segment, future = self._waiting.popleft()
            except IndexError:  # another thread took it
                break
            if future.set_running_or_notify_cancel():
                segments.append(segment)
                futures.append(future)
        return segments, futures


def separate_segments(separator: Separator, segments: Sequence[Audio], batch: int) -> Audio:
    """Separate up to `batch` segments in one forward pass: return `(segments, stems, channels, samples)`, float32."""
    mixtures = np.zeros((batch, *segments[0].shape), np.float32)
    mixtures[: len(segments)] = segments
    with torch.inference_mode():
        stems = separator(torch.from_numpy(mixtures).to(_device(separator)))[: len(segments)]
    result: Audio = stems.cpu().numpy()
    return result


def _device(separator: Separator) -> torch.device:
    """Return the device of the weights or, where a network has none, of its windows and other buffers."""
    held = next(chain(separator.parameters(), separator.buffers()), None)
    return torch.device("cpu") if held is None else held.device
