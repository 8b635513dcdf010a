"""For all tests: each of pytest's processes keeps to a core of its own.

What a test starts (a training, a pool of processes) counts the cores it may use. Without this, two tests at once would
each start threads for all cores, and wait for each other at every step.
"""

import os


def pytest_configure() -> None:
    """Bind this process, and so all that it starts, to one core, when pytest-xdist runs several."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw") and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})
