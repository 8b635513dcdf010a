"""The reaper: a process that ends everything a run has started, when the run ends or is killed with -9.

components/core/base/process_lifetime.py ends the processes that this project starts when their parent ends. This does
not cover Prefect's embedded server, nor a program that is still importing. So every process of a run inherits a mark in
its environment, and the reaper ends each process that still carries the mark.
"""

import os
import subprocess
import sys
import time

import psutil

_MARK = "STEMLINE_RUN"
_reapers: list["subprocess.Popen[bytes]"] = []
"""Kept open: a reaper acts when its standard input closes, which happens however this process ends."""


def start_reaper() -> None:
    """Start a reaper for this process; call it before anything starts that must end with the process."""
    os.environ[_MARK] = f"{os.getpid()}-{time.time_ns()}"
    command = [sys.executable, "-m", "pipelines.processes.reaper"]
    _reapers.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True))


def _wait_and_end(mark: str) -> None:
    sys.stdin.buffer.read()
    while marked := [process for process in psutil.process_iter() if _carries(process, mark)]:
        for process in marked:
            process.kill()
        time.sleep(0.1)  # look again, since one of them may have started another process


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        ended = process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE
        return not ended and process.environ().get(_MARK) == mark
    except psutil.Error:
        return False


if __name__ == "__main__":
    _wait_and_end(os.environ[_MARK])
