"""Work in processes: results in order, errors reach the caller, and no process outlives it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from components.core.base.errors import UserError
from components.core.base.parallel import map_in_processes


def _square(number: int) -> int:
    return number * number


def _refuse(number: int) -> int:
    raise UserError(f"no {number}")


def _die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_come_in_order() -> None:
    assert list(map_in_processes(_square, list(range(20)), "squares", "numbers")) == [number**2 for number in range(20)]
    assert list(map_in_processes(_square, [], "squares", "numbers")) == []


def test_errors_reach_the_caller() -> None:
    with pytest.raises(UserError, match="no 3"):
        list(map_in_processes(_refuse, [3], "refusals", "numbers"))


def test_killed_process_is_a_user_error() -> None:
    with pytest.raises(UserError, match="deaths: a process was killed"):
        list(map_in_processes(_die, [1, 2], "deaths", "numbers"))


@pytest.mark.slow
def test_no_process_survives_a_killed_caller() -> None:
    code = (
        "import time\nfrom components.core.base.parallel import map_in_processes\n"
        "if __name__ == '__main__':\n    list(map_in_processes(time.sleep, [60, 60], 'naps', 'naps'))\n"
    )
    root = Path(__file__).parents[4]
    script = subprocess.Popen([sys.executable, "-c", code], cwd=root)
    process = psutil.Process(script.pid)
    deadline = time.monotonic() + 60
    while len(below := process.children(recursive=True)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.0)
    below = process.children(recursive=True)
    script.kill()
    script.wait()
    _, alive = psutil.wait_procs(below, timeout=20)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]
