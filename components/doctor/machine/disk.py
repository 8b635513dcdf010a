"""Disks: is there room where a run writes, for what it will write?"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from components.core.base.parallel import available_cores
from components.core.base.workspace import SCRATCH, WORKSPACE
from components.doctor.finding import Finding, Findings, ok, problem, warning

LEAST = 1e9
"""Bytes below which work stops soon."""

HOUR = 1.3e9
"""Bytes of the two stems of an hour at 44.1 kHz, stereo, 16 bit: what a worker may hold before it is in the store."""

_FEWEST_FILES = 10_000
_COUNTING_SECONDS = 5.0


@dataclass(frozen=True)
class Place:
    """A folder that is written to, how many bytes may be needed there, and for what."""

    name: str
    folder: Path
    need: float
    reason: str


def check_disks() -> Findings:
    """Look at the workspace, its scratch folder, DVC's cache, temporary files and shared memory."""
    used, whole = _size(WORKSPACE)
    seen = f"{'' if whole else 'at least '}{used / 1e9:.1f} GB"
    again = max(used, LEAST)
    for place in (
        Place("workspace", WORKSPACE, again, f"it holds {seen}, and a changed run writes as much beside it"),
        Place("scratch", SCRATCH, LEAST, "unfinished work"),
        Place("DVC cache", _cache(), again, f"the workspace's {seen} once more, where files can't share blocks"),
        Place(
            "temporary files",
            Path(tempfile.gettempdir()),
            HOUR * available_cores(),
            f"an hour a worker, {available_cores()} workers",
        ),
    ):
        yield from _look(place)
    yield from _shared_memory(Path("/dev/shm"))


def _look(place: Place) -> Iterator[Finding]:
    folder = _existing(place.folder)
    if not os.access(folder, os.W_OK):
        yield problem(place.name, f"{folder} can't be written to", f"chown or chmod {folder}, or name another place")
        return
    usage = shutil.disk_usage(folder)
    seen = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free at {folder}"
    reason = f"{place.need / 1e9:.1f} GB may be needed ({place.reason}): free some, or move it (docs/operations.md)"
    yield _judged(place.name, seen, usage.free, place.need, reason)
    files = os.statvfs(folder)
    if files.f_files and files.f_favail < _FEWEST_FILES:
        yield warning(place.name, f"only {files.f_favail} more files fit at {folder}", "delete files: `dvc gc -w`")


def _judged(name: str, seen: str, free: float, need: float, do: str) -> Finding:
    if free < LEAST:
        return problem(name, seen, do)
    return warning(name, seen, do) if free < need else ok(name, seen)


def _shared_memory(folder: Path) -> Iterator[Finding]:
    """Where processes of a training pass tensors to each other; a container has 64 MB of it unless it is told."""
    if folder.is_dir():
        free = shutil.disk_usage(folder).free
        seen = f"{free / 1e9:.2f} GB free at {folder}"
        enough: Callable[..., Finding] = ok if free >= 256e6 else _too_little
        yield enough("shared memory", seen)


def _too_little(name: str, seen: str) -> Finding:
    return warning(name, seen, "start the container with --shm-size=2g (compose: WORKER_SHM in docker/.env)")


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that there is already."""
    absolute = folder.resolve()
    return next(path for path in (absolute, *absolute.parents) if path.is_dir())


def _size(folder: Path) -> tuple[int, bool]:
    """Return the bytes of all files below `folder`, and whether all were counted in time."""
    end, total = time.monotonic() + _COUNTING_SECONDS, 0
    for below, _, names in os.walk(folder):
        total += sum(_bytes(Path(below) / name) for name in names)
        if time.monotonic() > end:
            return total, False
    return total, True


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # it has vanished
        return 0


def _cache() -> Path:
    """Return DVC's cache as its configuration says; the default where there is no project here."""
    try:
        from dvc.config import Config
        from dvc.exceptions import DvcException
    except ImportError:  # an image that only separates
        return Path(".dvc") / "cache"
    try:
        folder = Config.from_cwd()["cache"].get("dir")
    except (DvcException, OSError):
        folder = None
    return Path(folder) if folder else Path(".dvc") / "cache"
