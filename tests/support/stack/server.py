"""A server as a process of this machine; tests kill it with -9 and start it again on its data."""

import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from tests.support.processes import wait_until


def answers(url: str) -> bool:
    """Return whether `url` answers without an error."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


@dataclass
class Server:
    """A command that starts a server. `health` is an address that answers when the server is ready; '' means none."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    folder: Path
    health: str = ""
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """The file with its output."""
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
        """Kill the server and all processes that it started with -9."""
        started: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            started = psutil.Process(self.process.pid).children(recursive=True) if self.process else []
        self.kill_alone()
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def kill_alone(self) -> None:
        """Kill only its own process with -9, as the system does when memory is short; its children stay."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
        return not self.health or answers(self.health)
