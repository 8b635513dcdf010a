"""Who holds something: a process of a host, so that others on that host can tell whether it still runs."""

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True)
class Owner:
    """A process; `host` names the machine and its namespace of process ids, `started` tells it from a later process."""

    host: str
    pid: int
    started: float

    @staticmethod
    def this() -> "Owner":
        """Return this process."""
        return Owner(_host(), os.getpid(), psutil.Process().create_time())

    @staticmethod
    def parse(document: Any) -> "Owner | None":
        """Return the owner that `asdict` wrote; None for anything else."""
        try:
            return Owner(str(document["host"]), int(document["pid"]), float(document["started"]))
        except (KeyError, TypeError, ValueError):
            return None

    def document(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        return asdict(self)

    @property
    def label(self) -> str:
        """A name for files of this owner."""
        return f"{self.host}.{self.pid}.{self.started:.2f}"

    @property
    def is_dead(self) -> bool:
        """Whether it surely does not run any more; False where that can't be told from here."""
        if self.host != _host():
            return False
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) > 1.0
        except psutil.NoSuchProcess:
            return True


def owner_from_label(label: str) -> Owner | None:
    """Return the owner that a file is named after; None for another name."""
    parts = label.rsplit(".", 3)  # the start has a decimal point of its own
    if len(parts) != 4:
        return None
    host, pid, seconds, hundredths = parts
    try:
        return Owner(host, int(pid), float(f"{seconds}.{hundredths}"))
    except ValueError:
        return None


def parse_owner(data: bytes) -> Owner | None:
    """Return the owner that a JSON file names; None for anything else."""
    try:
        return Owner.parse(json.loads(data))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None


def _host() -> str:
    """Host, boot and process namespace: containers of one image may share their name, and count processes from 1."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    parts = [socket.gethostname()]
    if boot.is_file():
        parts += [boot.read_text(encoding="ascii").strip()[:8], str(namespace.stat().st_ino)]
    return "-".join(parts).replace("/", "_")
