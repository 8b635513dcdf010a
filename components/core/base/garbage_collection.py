"""Keeps Python's garbage collector away from large imports: torch, MLflow, pandas, Prefect.

Importing these and ending the process takes 3.2 s of processor time; the collector used 1.3 s of it.
"""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_WHILE_IMPORTING = 1_000_000  # allocations between two collections
_RARELY = 50_000
_THRESHOLDS = (700, 10, 10)  # Python's own


def pause_collection_while_importing() -> None:
    """Pause the collector when a step or a worker process starts, until `exclude_imports_from_collection`."""
    # sys.argv is ["-m"] until Python has found the module of `python -m`
    if sys.argv[:1] == ["-m"] or any("from multiprocessing." in word for word in sys.orig_argv):
        gc.set_threshold(_WHILE_IMPORTING)
        atexit.register(gc.freeze)


def exclude_imports_from_collection() -> None:
    """Start the collector again, without the objects that exist now, and without a last collection at exit."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    atexit.register(gc.freeze)


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the collector during a late import."""
    before = gc.get_threshold()
    gc.set_threshold(_WHILE_IMPORTING)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def collect_rarely() -> None:
    """Collect rarely: for programs that start others, wait, import as they go, and leave little garbage."""
    gc.set_threshold(_RARELY, *_THRESHOLDS[1:])
    atexit.register(gc.freeze)
