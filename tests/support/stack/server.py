"""A server as a process of this machine, that can be killed with -9 and started again on its data."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

PATIENCE = 240.0  # seconds, on a busy machine
_taken: set[int] = set()


def free_port() -> int:
    """Return a port that nobody listens on, and that this process has not named before."""
    while True:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = int(found.getsockname()[1])
        if port not in _taken:
            _taken.add(port)
            return port


def answers(url: str) -> bool:
    """Return whether a server says at `url` that it is well."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE, every: float = 0.1) -> None:
    """Wait until `condition()` holds, looking `every` so many seconds; the test fails, with `what`, when it never does.

    A server that is asked ten times a second has no time for anything else.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(every)


@dataclass
class Server:
    """A command that serves; `health` is an address that answers once it does ('': nothing to wait for)."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    folder: Path
    health: str = ""
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """Where all that it prints is."""
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start it; `wait` waits until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=dict(self.environment), stdout=log, stderr=log, cwd=self.folder
            )

    def wait(self) -> None:
        """Wait until it answers."""
        wait_until(self._answers, f"{self.name}: {self.log}")

    def kill(self) -> None:
        """Kill it and all that it started with -9."""
        started: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            started = psutil.Process(self.process.pid).children(recursive=True) if self.process else []
        self.kill_alone()
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def kill_alone(self) -> None:
        """Kill its own process with -9, as the system's memory killer does; what it started stays."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
        return not self.health or answers(self.health)


def environment_without(prefixes: tuple[str, ...], **more: str) -> dict[str, str]:
    """Return this process's environment without the variables that begin with `prefixes`, and with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return kept | more
