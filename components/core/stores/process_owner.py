"""The process that owns a file, so that other processes of its host can tell whether it still runs."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil


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
