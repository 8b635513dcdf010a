"""Bind each process of pytest-xdist to one core. Import this module before torch and numpy.

A training or a pool that a test starts counts the cores that it may use. Without this module, tests that run at the
same time each start threads for all cores, and the threads wait for each other. Libraries count the cores when they are
loaded: a library that was loaded earlier would run two threads on one core, which takes minutes instead of seconds.

This module also switches off Python's garbage collector; conftest.py switches it on when all tests are collected.
"""

import gc
import os

gc.set_threshold(1_000_000)

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if _worker.startswith("gw") and hasattr(os, "sched_setaffinity"):
    _cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {_cores[int(_worker.removeprefix("gw")) % len(_cores)]})
