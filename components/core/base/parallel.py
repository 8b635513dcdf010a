"""Work spread over processes, results in the order of the items, only a few of them in memory."""

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

# More processes than this wait for the disk, not for a processor.
_MOST_PROCESSES = 16


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux: what this process may use, not what the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_processes(work: Callable[[Item], Result], items: Sequence[Item], label: str, unit: str) -> Iterator[Result]:
    """Yield `work(item)` for each item, in order, from a process a core, with progress (`label`, items in `unit`).

    `work` must be a module's function. At most two items a process are under way or waiting, so memory does not grow
    with the number of items. The processes end with this one, also when it is killed. Raises what `work` raises, and
    UserError when a process was killed (out of memory).
    """
    if not items:
        return
    workers = min(len(items), available_cores(), _MOST_PROCESSES)
    progress = Progress(label, len(items), unit)
    context = multiprocessing.get_context("forkserver")
    # what reads audio takes seconds to import: the fork server does it once, and its children share it
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
    """In a process of a pool: end when the one that uses the pool ends, however that happens.

    Its parent in the system may be the fork server, which lives as long as its children do, so the kernel's tie to the
    parent (core.lifeline) would tie them to each other.
    """
    exclude_imports_from_collection()
    # Ctrl-C reaches every process of the terminal; only the starter has to say something about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    starter = multiprocessing.parent_process()
    assert starter is not None
    threading.Thread(target=lambda: (wait([starter.sentinel]), os._exit(1)), daemon=True).start()
