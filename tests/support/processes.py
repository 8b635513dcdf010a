"""Shared code for tests of processes: ports, waiting, and the end of a process."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

import psutil
import requests

PATIENCE = 240.0
"""Seconds that a busy machine may need."""

_taken: set[int] = set()


def free_port() -> int:
    """Return a port that nobody listens on and that this process has not returned before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in _taken:
            _taken.add(port)
            return port


def wait_until(
    condition: Callable[[], object], what: str = "a condition", seconds: float = PATIENCE, every: float = 0.1
) -> None:
    """Wait until `condition()` is true. Fail the test, naming `what`, when `seconds` have passed.

    A server that does not answer yet counts as false. `every` is the pause between two looks: a server that is asked
    ten times per second has no time for anything else.
    """
    deadline = time.monotonic() + seconds
    while not _is_true(condition):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(every)


def _is_true(condition: Callable[[], object]) -> bool:
    try:
        return bool(condition())
    except requests.RequestException:
        return False


def end(process: "subprocess.Popen[Any]") -> None:
    """Kill a process and all processes that it started."""
    if process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.send_signal(signal.SIGKILL)
    process.wait()


def environment_without(prefixes: tuple[str, ...], **more: str) -> dict[str, str]:
    """Return this process's environment without the variables that begin with `prefixes`, and with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return kept | more
