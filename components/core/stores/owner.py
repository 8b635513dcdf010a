"""The process that owns a file, so that other processes of its host can tell whether it still runs.

Each process has staging folders of its own for unfinished files, and deletes those of dead processes.
"""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from components.core.base.files import in_shared_folder, remove_if_empty


@dataclass(frozen=True)
class Owner:
    """A process.

    host      the machine and its namespace of process ids
    started   start time in seconds since 1970; tells the process from a later one with the same id
    """

    host: str
    pid: int
    started: float

    @staticmethod
    def this() -> "Owner":
        """Return this process."""
        return Owner(_host(), os.getpid(), psutil.Process().create_time())

    @property
    def label(self) -> str:
        """A name for files of this owner."""
        return f"{self.host}.{self.pid}.{self.started:.2f}"

    @property
    def is_dead(self) -> bool:
        """Whether the process has surely ended; False for a process of another host."""
        if self.host != _host():
            return False
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) > 1.0
        except psutil.NoSuchProcess:
            return True


def owner_from_label(label: str) -> Owner | None:
    """Return the owner that a file is named after; None for any other name."""
    parts = label.rsplit(".", 3)  # the start time contains a point
    if len(parts) != 4:
        return None
    host, pid, seconds, hundredths = parts
    try:
        return Owner(host, int(pid), float(f"{seconds}.{hundredths}"))
    except ValueError:
        return None


def _host() -> str:
    """Return host, boot and process namespace: containers of one image may share their name, and count from 1."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    parts = [socket.gethostname()]
    if boot.is_file():
        parts += [boot.read_text(encoding="ascii").strip()[:8], str(namespace.stat().st_ino)]
    return "-".join(parts).replace("/", "_")


@contextmanager
def staging_folder(root: Path) -> Iterator[Path]:
    """Yield a new empty folder below `root`, and delete it at the end."""
    own = root / Owner.this().label
    folder = in_shared_folder(own, lambda: Path(tempfile.mkdtemp(dir=own)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        remove_if_empty(own)
        remove_if_empty(root)


def sweep(root: Path) -> None:
    """Delete the folders below `root` whose processes are dead."""
    for name in _names(root):
        folder, owner = root / name, owner_from_label(name)
        if owner is not None and owner.is_dead:
            shutil.rmtree(folder, ignore_errors=True)
    remove_if_empty(root)


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except FileNotFoundError:  # another process swept it, and removed it when it was empty
        return []
