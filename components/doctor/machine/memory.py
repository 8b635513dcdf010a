"""Memory: is there enough for a worker a core?"""

from pathlib import Path

import psutil

from components.core.base.parallel import available_cores
from components.doctor.finding import Findings, ok, problem, warning

JOB, WORKER = 0.55e9, 0.65e9
"""Bytes that `stemline separate` takes, and each worker with the shipped model (`python -m benchmarks.memory`)."""

_GROUP = Path("/sys/fs/cgroup")
_COMFORT = 2.0  # times what a worker takes: other networks and long recordings take more


def check_memory() -> Findings:
    """Share what is free among the workers that `stemline separate` starts by itself, one a core."""
    free, workers = min(psutil.virtual_memory().available, _free_in_container()), available_cores()
    each = (free - JOB) / workers
    seen = f"{free / 1e9:.1f} GB free: {max(each, 0) / 1e9:.1f} GB for each of {workers} workers"
    do = f"a worker takes {WORKER / 1e9:.2f} GB and more: give `--workers {_workers(free)}`, or free memory"
    if each < WORKER:
        yield problem("memory a worker", seen, do)
    elif each < _COMFORT * WORKER:
        yield warning("memory a worker", seen, do)
    else:
        yield ok("memory a worker", seen)


def _workers(free: float) -> int:
    return max(1, int((free - JOB) / (_COMFORT * WORKER)))


def _free_in_container(group: Path = _GROUP) -> float:
    """Return the bytes that the container's limit leaves, infinite without one; file caches count as free."""
    try:
        limit = float((group / "memory.max").read_text(encoding="ascii"))
        current = float((group / "memory.current").read_text(encoding="ascii"))
        stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):  # no such limit: "max"
        return float("inf")
    return limit - current + float(stat.get("inactive_file", 0))
