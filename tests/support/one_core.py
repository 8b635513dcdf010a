"""Each of pytest-xdist's processes keeps to one core, with all that it starts. To import before torch and numpy.

What a test starts (a training, a pool of processes) counts the cores it may use. Without this, several tests at once
would each start threads for all cores, and wait for each other at every step. Libraries count when they are loaded: one
that was loaded before has two threads on one core, which wait for each other by spinning, and seconds become minutes.

Python's garbage collector rests from here until all tests are collected (conftest.py): they import most of it all.
"""

import gc
import os

gc.set_threshold(1_000_000)

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if _worker.startswith("gw") and hasattr(os, "sched_setaffinity"):
    _cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {_cores[int(_worker.removeprefix("gw")) % len(_cores)]})
