"""Python's garbage collector is kept from what programs import: torch, MLflow, pandas, Prefect.

Of the 3.2 s of processor time that it takes to import these and to end, it had 1.3 s.
"""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_WHILE_IMPORTING = 1_000_000
_SELDOM = 50_000
_THRESHOLDS = (700, 10, 10)  # Python's own


def pause_collection_while_importing() -> None:
    """When a step or a process of a pool is being started, let the collector rest until `spare_imports`."""
    # the first is so until Python has found the module of `python -m`
    if sys.argv[:1] == ["-m"] or any("from multiprocessing." in word for word in sys.orig_argv):
        gc.set_threshold(_WHILE_IMPORTING)
        atexit.register(gc.freeze)


def exclude_imports_from_collection() -> None:
    """Let the collector work, and leave alone all that is there now, and everything at this process's end."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    atexit.register(gc.freeze)


@contextmanager
def collection_paused() -> Iterator[None]:
    """Keep the collector from what is imported later than all else."""
    before = gc.get_threshold()
    gc.set_threshold(_WHILE_IMPORTING)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def collect_rarely() -> None:
    """For programs that start others and wait, and import as they go: they leave little to collect."""
    gc.set_threshold(_SELDOM, *_THRESHOLDS[1:])
    atexit.register(gc.freeze)
