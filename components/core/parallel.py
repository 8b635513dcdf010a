"""Work spread over processes, results in the order of the items, only a few of them in memory."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import TypeVar

import torch

from components.core.lifeline import end_with_parent

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], processes: int = 0) -> Iterator[Result]:
    """Yield `function(item)` for each item, in order, from `processes` fresh processes (0: as many as cores).

    At most two items a process are under way or waiting, so memory does not grow with the number of items.
    """
    workers = processes or cores()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker) as pool:
        remaining = iter(items)
        waiting: deque[Future[Result]] = deque(pool.submit(function, item) for item in islice(remaining, 2 * workers))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(remaining, 1))
            yield result


def _start_worker() -> None:
    end_with_parent()
    torch.set_num_threads(1)
