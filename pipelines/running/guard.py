"""Nothing that a run started outlives it, not even when it is killed with -9: a process of its own sees to that.

core.lifeline ties what this project starts itself. Prefect's embedded server is not ours to tie, and a program cannot
tie itself while it still imports. So everything that a run starts carries a mark in its environment, and when the run
ends, its guard ends what still carries it.
"""

import os
import subprocess
import sys
import time

import psutil

_MARK = "STEMLINE_RUN"
_guards: list["subprocess.Popen[bytes]"] = []
"""Kept, since a guard acts when its standard input is closed: when this process ends, however it does."""


def guard_this_process() -> None:
    """Start a guard of this process; to be called before it starts anything that must end with it."""
    os.environ[_MARK] = f"{os.getpid()}-{time.time_ns()}"
    command = [sys.executable, "-m", "pipelines.running.guard"]
    _guards.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True))


def _wait_and_end(mark: str) -> None:
    sys.stdin.buffer.read()
    while marked := [process for process in psutil.process_iter() if _carries(process, mark)]:
        for process in marked:
            process.kill()
        time.sleep(0.1)  # and look again: one may just have started another


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        ended = process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE
        return not ended and process.environ().get(_MARK) == mark
    except psutil.Error:
        return False


if __name__ == "__main__":
    _wait_and_end(os.environ[_MARK])
