"""Check of memory: is there enough for one worker per core?"""

from pathlib import Path

import psutil

from components.core.base.parallel import available_cores
from components.doctor.finding import Findings, ok, problem, warning

JOB_BYTES, WORKER_BYTES = 0.55e9, 0.85e9
"""Memory of `stemline separate`, and of each worker with the shipped model (`python -m benchmarks.memory`)."""

CONTROL_GROUP = Path("/sys/fs/cgroup")

_COMFORT = 2.0  # other networks and long recordings need more than the shipped model


def check_memory() -> Findings:
    """Share the free memory among the workers that `stemline separate` starts by itself, one per core."""
    free, workers = min(psutil.virtual_memory().available, free_in_container()), available_cores()
    share = (free - JOB_BYTES) / workers
    subject = "memory a worker"
    observation = f"{free / 1e9:.1f} GB free: {max(share, 0) / 1e9:.1f} GB for each of {workers} workers"
    fitting = max(1, int((free - JOB_BYTES) / (_COMFORT * WORKER_BYTES)))
    remedy = f"a worker needs {WORKER_BYTES / 1e9:.2f} GB and more: give `--workers {fitting}`, or free memory"
    if share < WORKER_BYTES:
        yield problem(subject, observation, remedy)
    elif share < _COMFORT * WORKER_BYTES:
        yield warning(subject, observation, remedy)
    else:
        yield ok(subject, observation)


def free_in_container(group: Path = CONTROL_GROUP) -> float:
    """Return the bytes that the container's limit leaves, infinite without a limit; file caches count as free."""
    try:
        limit = float((group / "memory.max").read_text(encoding="ascii"))
        current = float((group / "memory.current").read_text(encoding="ascii"))
        stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):  # no container, or the limit "max"
        return float("inf")
    return limit - current + float(stat.get("inactive_file", 0))
