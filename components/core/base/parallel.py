"""Work spread over processes: results in the order of the items, only a few of them in memory."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait
from typing import TypeVar

from components.core.base.errors import UserError
from components.core.base.garbage_collection import exclude_imports_from_collection
from components.core.base.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_PROCESSES = 16  # more would wait for the disk, not for a processor


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux: a container may use fewer cores than the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_processes(work: Callable[[Item], Result], items: Sequence[Item], label: str, unit: str) -> Iterator[Result]:
    """Yield `work(item)` for each item, in order, computed by one process per core.

    `work` must be a function of a module. Progress is printed with `label` and `unit`. At most two items per process
    run or wait, so memory does not grow with the number of items. The processes end with this one, also when it
    is killed. Raises what `work` raises, and UserError when a process was killed (out of memory).
    """
    if not items:
        return
    workers = min(len(items), available_cores(), _MOST_PROCESSES)
    progress = Progress(label, len(items), unit)
    context = multiprocessing.get_context("forkserver")
    # importing the audio decoders takes seconds: the fork server does it once for all its children
    context.set_forkserver_preload(["components.core.data.manifest"])
    with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_pool_owner) as pool:
        try:
            remaining = iter(items)
            waiting: deque[Future[Result]] = deque(pool.submit(work, item) for item in islice(remaining, 2 * workers))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in islice(remaining, 1))
                progress.advance()
                yield result
        except BrokenProcessPool:
            raise UserError(f"{label}: a process was killed; free some memory and start again") from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def end_with_pool_owner() -> None:
    """Have this worker process end when the process that owns the pool ends, for whatever reason.

    `end_with_parent` does not serve: the worker's parent is the fork server, which lives as long as its workers.
    """
    exclude_imports_from_collection()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of the terminal; the owner reports it
    owner = multiprocessing.parent_process()
    assert owner is not None
    threading.Thread(target=lambda: (wait([owner.sentinel]), os._exit(1)), daemon=True).start()
