"""The lock of a training: identical trainings share a scratch folder, so the second one waits for the first.

The lock file lies beside the folder. The kernel holds the lock, so it ends with its process, even after kill -9.
"""

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from filelock import FileLock, Timeout

from components.core.base.documents import Document

_GRACE = 1.0  # seconds; a shorter wait is not reported
_POLL_INTERVAL = 0.5
_KEPT_TRAININGS = 3


class Holder(Document):
    """The launcher that trains in a folder; those of one training over several hosts have the same `rendezvous`."""

    FILE: ClassVar[str] = "holder.json"
    REMEDY: ClassVar[str] = "delete it"

    process: int
    host: str
    folder: str
    rendezvous: str

    def trains_with(self, other: "Holder") -> bool:
        """Return whether both belong to one training over several hosts."""
        return bool(self.rendezvous) and self.rendezvous == other.rendezvous

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, started in {self.folder}"


@contextmanager
def exclusive_training(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder` during the block; wait, and print a line, while another launcher has it.

    The launchers of one training over several hosts enter together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own, lock = _this_process(), training_lock(folder)
    if not _try_to_lock(lock, _GRACE):
        holder = Holder.read(folder) if (folder / Holder.FILE).is_file() else None
        if holder and holder.trains_with(own):
            yield
            return
        name = holder or "another process"
        print(f"train: waiting for {name}, which runs the same training ({folder.name})", file=sys.stderr, flush=True)
        lock.acquire(poll_interval=_POLL_INTERVAL)
    try:
        own.write(folder)
        yield
    finally:
        lock.release()


def training_lock(folder: Path) -> FileLock:
    """Return the lock of a training's folder, not yet acquired."""
    return FileLock(folder.with_name(f"{folder.name}.lock"))


def delete_old_trainings(scratch: Path, folder: Path) -> None:
    """Mark `folder` as the newest training of `scratch`; delete all but the newest few and those that run."""
    os.utime(folder)
    trainings = sorted((path for path in scratch.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for old in trainings[:-_KEPT_TRAININGS]:
        lock = training_lock(old)
        if _try_to_lock(lock, 0):
            shutil.rmtree(old, ignore_errors=True)
            # deleted while locked: a process that waits for this file then makes a new one
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()


def _try_to_lock(lock: FileLock, seconds: float) -> bool:
    """Try for some seconds to acquire the lock; return whether it is acquired."""
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    return True


def _this_process() -> Holder:
    rendezvous = "/".join(filter(None, map(os.environ.get, ("PET_RDZV_ENDPOINT", "PET_RDZV_ID"))))
    return Holder(process=os.getpid(), host=socket.gethostname(), folder=str(Path.cwd()), rendezvous=rendezvous)
