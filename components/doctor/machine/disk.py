"""Check of disks: is there enough free space in the folders that a run writes to?"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.core.base.parallel import available_cores
from components.core.base.workspace import SCRATCH, WORKSPACE
from components.doctor.finding import Finding, Findings, ok, problem, warning

MINIMUM_BYTES = 1e9
"""With less than this, work stops soon."""

HOUR_BYTES = 1.3e9
"""Two stems of an hour at 44.1 kHz, stereo, 16 bit: a worker may hold them until they are in the store."""

_SHARED_MEMORY = Path("/dev/shm")
_SHARED_MEMORY_BYTES = 256e6
_MINIMUM_FILES = 10_000
_COUNTING_SECONDS = 5.0


@dataclass(frozen=True)
class Place:
    """A folder that Stemline writes to: how many bytes it may need there, and why."""

    name: str
    folder: Path
    need: float
    reason: str


def check_disk() -> Findings:
    """Check the workspace, its scratch folder, DVC's cache, temporary files and shared memory."""
    used, is_complete = measure_folder(WORKSPACE)
    size = f"{'' if is_complete else 'at least '}{used / 1e9:.1f} GB"
    copy = max(used, MINIMUM_BYTES)
    temporary, workers = Path(tempfile.gettempdir()), available_cores()
    for place in (
        Place("workspace", WORKSPACE, copy, f"it holds {size}, and a changed run writes as much again"),
        Place("scratch", SCRATCH, MINIMUM_BYTES, "unfinished work"),
        Place("DVC cache", _find_dvc_cache(), copy, f"a copy of the workspace's {size}, where files can't be linked"),
        Place(
            "temporary files",
            temporary,
            HOUR_BYTES * workers,
            f"an hour a worker, {workers} workers",
        ),
    ):
        yield from _check_place(place)
    if _SHARED_MEMORY.is_dir():
        yield _check_shared_memory()


def _check_place(place: Place) -> Iterator[Finding]:
    folder = _existing_parent(place.folder)
    if not os.access(folder, os.W_OK):
        yield problem(place.name, f"{folder} is not writable", f"chown or chmod {folder}, or set another place")
        return
    usage = shutil.disk_usage(folder)
    observation = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free at {folder}"
    remedy = f"{place.need / 1e9:.1f} GB may be needed ({place.reason}): free some, or move it (docs/operations.md)"
    if usage.free < MINIMUM_BYTES:
        yield problem(place.name, observation, remedy)
    elif usage.free < place.need:
        yield warning(place.name, observation, remedy)
    else:
        yield ok(place.name, observation)
    files = os.statvfs(folder)
    if files.f_files and files.f_favail < _MINIMUM_FILES:
        yield warning(place.name, f"only {files.f_favail} more files fit at {folder}", "delete files: `dvc gc -w`")


def _check_shared_memory() -> Finding:
    """Training processes pass tensors to each other there; a container has only 64 MB by default."""
    subject, free = "shared memory", shutil.disk_usage(_SHARED_MEMORY).free
    observation = f"{free / 1e9:.2f} GB free at {_SHARED_MEMORY}"
    if free < _SHARED_MEMORY_BYTES:
        remedy = "start the container with --shm-size=2g (compose: WORKER_SHM in docker/.env)"
        return warning(subject, observation, remedy)
    return ok(subject, observation)


def _existing_parent(folder: Path) -> Path:
    """Return the folder, or the nearest folder above it that exists."""
    absolute = folder.resolve()
    return next(path for path in (absolute, *absolute.parents) if path.is_dir())


def measure_folder(folder: Path) -> tuple[int, bool]:
    """Return the bytes of all files below `folder`, and whether the time was enough to count them all."""
    end, total = time.monotonic() + _COUNTING_SECONDS, 0
    for parent, _, names in os.walk(folder):
        total += sum(_file_size(Path(parent) / name) for name in names)
        if time.monotonic() > end:
            return total, False
    return total, True


def _file_size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # deleted meanwhile
        return 0


def _find_dvc_cache() -> Path:
    """Return DVC's cache from its configuration, or the default one outside a project."""
    default = Path(".dvc") / "cache"
    try:
        from dvc.config import Config
        from dvc.exceptions import DvcException
    except ImportError:  # an image that only separates
        return default
    try:
        folder = Config.from_cwd()["cache"].get("dir")
    except (DvcException, OSError):
        folder = None
    return Path(folder) if folder else default
