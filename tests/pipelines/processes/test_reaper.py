"""The reaper: it ends everything that a run started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.processes import wait_until

ROOT = Path(__file__).parents[3]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def starter(code: str) -> tuple["subprocess.Popen[str]", list[int]]:
    """Run `code` in a process; return it and the process ids that it prints first, on one line."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def test_command_ends_with_a_killed_parent() -> None:
    inner = "import os, time; print(os.getpid()); time.sleep(600)"
    code = (
        "import sys; from pipelines.processes.command import run_command\n"
        f"run_command([sys.executable, '-c', {inner!r}], lambda line: print(line, flush=True))"
    )
    process, (command,) = starter(code)
    assert alive(command)
    process.kill()
    process.wait()
    wait_until(lambda: not alive(command))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_reaper_ends_everything_that_a_run_started(number: signal.Signals) -> None:
    code = (
        "import subprocess, sys, time; from pipelines.processes.reaper import start_reaper\n"
        "start_reaper()\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "children = [subprocess.Popen(sleep, start_new_session=True).pid for _ in range(2)]\n"
        "print(*children, flush=True); time.sleep(600)"
    )
    process, started = starter(code)
    unmarked = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        children = {child.pid for child in psutil.Process(process.pid).children(recursive=True)}
        assert len(children - set(started)) == 1, "the reaper itself"
        assert len(started) == 2
        assert all(alive(pid) for pid in started)
        process.send_signal(number)
        process.wait()
        wait_until(lambda: not any(alive(pid) for pid in children))
        assert alive(unmarked.pid)
    finally:
        unmarked.kill()
        unmarked.wait()


def test_reaper_keeps_the_exit_code_of_the_run() -> None:
    process, _ = starter(
        "from pipelines.processes.reaper import start_reaper; start_reaper(); print(); raise SystemExit(7)"
    )
    assert process.wait(20) == 7
