"""One at a time: two identical trainings share a scratch folder, so the second waits for the first.

The lock lies beside the folder and is the kernel's: it ends with the process that holds it, however that ends.
"""

import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from components.core.base.files import write_json

HOLDER = "holder.json"
"""In the training's folder: who trains there, for those who wait."""

_SOON = 1.0  # seconds; a wait of less is not worth a word
_LOOK_EVERY = 0.5
_KEPT_TRAININGS = 3


@dataclass(frozen=True)
class Holder:
    """A launcher; those of one training over several hosts meet at the same `rendezvous`."""

    process: int
    host: str
    folder: str
    rendezvous: str

    def meets(self, other: "Holder") -> bool:
        """Whether both are of one training over several hosts."""
        return bool(self.rendezvous) and self.rendezvous == other.rendezvous

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, started in {self.folder}"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Let no other launcher train in `folder` during the block; wait, and say so, while one does.

    The launchers of one training over several hosts are no others: they go in together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    me, lock = _this_process(), lock_of(folder)
    if not _taken(lock, _SOON):
        holder = _holder(folder)
        if holder is not None and holder.meets(me):
            yield
            return
        who = holder or "another process"
        print(f"train: waiting for the same training ({folder.name}), of {who}", file=sys.stderr, flush=True)
        lock.acquire(poll_interval=_LOOK_EVERY)
    try:
        write_json(folder / HOLDER, asdict(me))
        yield
    finally:
        lock.release()


def lock_of(folder: Path) -> FileLock:
    """Return the lock of a training's folder, not taken yet."""
    return FileLock(folder.with_name(f"{folder.name}.lock"))


def keep_newest(scratch: Path, folder: Path) -> None:
    """Make `folder` the newest training of `scratch`, and delete all but the newest few and those that run."""
    os.utime(folder)
    trainings = sorted((path for path in scratch.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for old in trainings[:-_KEPT_TRAININGS]:
        lock = lock_of(old)
        if _taken(lock, 0):  # else it runs
            shutil.rmtree(old, ignore_errors=True)
            # while it is held: who waits for it sees that this file is gone, and makes a new one
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()


def _taken(lock: FileLock, seconds: float) -> bool:
    """Take the lock if that can be done in so many seconds; return whether it is held now."""
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    return True


def _this_process() -> Holder:
    rendezvous = "/".join(filter(None, map(os.environ.get, ("PET_RDZV_ENDPOINT", "PET_RDZV_ID"))))
    return Holder(os.getpid(), socket.gethostname(), str(Path.cwd()), rendezvous)


def _holder(folder: Path) -> Holder | None:
    path = folder / HOLDER
    return Holder(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None
