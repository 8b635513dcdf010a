"""Windows of recordings separated side by side: on several cores, or many in one forward pass on a GPU."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self

import numpy as np
import torch

from components.core.networks.base.separator import Separator
from components.core.sound.decoding import Audio


class WindowPool:
    """Threads that separate windows of `separator.segment` samples; any number of recordings may share a pool.

    Each of `lanes` threads computes on one core. It takes up to `batch` windows at once, of whichever recordings, and
    fills up with silence: every forward pass has the same shape, and sums are not shared out among threads. So what
    comes of a window depends neither on other windows nor on the number of lanes. More than one window a pass pays on a
    GPU only. To be used in a `with` block, which ends the threads.
    """

    def __init__(self, separator: Separator, lanes: int = 1, batch: int = 1) -> None:
        self.segment = separator.segment
        self.ahead = 2 * lanes * batch
        """Windows that one recording may have under way: enough that no lane waits, and a bound to memory."""
        self._separator, self._batch = separator, batch
        self._waiting: deque[tuple[Audio, Future[Audio]]] = deque()
        self._threads = ThreadPoolExecutor(lanes, "lane", initializer=partial(torch.set_num_threads, 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    def submit(self, window: Audio) -> Future[Audio]:
        """Have a window `(channels, segment)` separated: the future's result is `(stems, channels, segment)`."""
        future: Future[Audio] = Future()
        self._waiting.append((window, future))
        self._threads.submit(self._separate_some)
        return future

    def _separate_some(self) -> None:
        windows, futures = self._taken()
        if not windows:
            return  # an earlier pass had room for them
        try:
            stems = separate_windows(self._separator, windows, self._batch)
        except BaseException as error:
            for future in futures:
                future.set_exception(error)
        else:
            for future, result in zip(futures, stems, strict=True):
                future.set_result(result)

    def _taken(self) -> tuple[list[Audio], list[Future[Audio]]]:
        windows: list[Audio] = []
        futures: list[Future[Audio]] = []
        while self._waiting and len(windows) < self._batch:
            try:
                window, future = self._waiting.popleft()
            except IndexError:  # another lane was faster
                break
            if future.set_running_or_notify_cancel():
                windows.append(window)
                futures.append(future)
        return windows, futures


def separate_windows(separator: Separator, windows: Sequence[Audio], batch: int) -> Audio:
    """Separate up to `batch` windows in a forward pass of that many: to `(windows, stems, channels, samples)`."""
    mixtures = np.zeros((batch, *windows[0].shape), np.float32)
    mixtures[: len(windows)] = windows
    weight = next(separator.parameters(), None)
    device = torch.device("cpu") if weight is None else weight.device
    with torch.inference_mode():
        stems = separator(torch.from_numpy(mixtures).to(device))[: len(windows)]
    result: Audio = stems.cpu().numpy()
    return result
