"""Jobs with worker processes: they share the work, and end with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from components.core.stores.selection import RECORDS
from tests.components.separate.destination_files import files
from tests.components.separate.job_processes import COMMAND, LONG, worker_processes, write_music
from tests.support.tiny_models import environment, run_python, save_tiny_model

pytestmark = pytest.mark.system


def test_stems_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = write_music(tmp_path / "music", 6, 5)
    for workers in (1, 3):
        command = [*COMMAND, "--model", str(model), "--workers", str(workers), str(music), f"out{workers}"]
        result = run_python(*command, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert (
            f"6 recordings = 6 done + 0 done before + 0 quarantined + 0 failed; stems in out{workers}" in result.stdout
        )
    assert files(tmp_path / "out1") == files(tmp_path / "out3")
    assert len(files(tmp_path / "out1")) == 24


def test_two_jobs_share_a_catalogue(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = write_music(tmp_path / "music", 12, 10)
    command = [sys.executable, *COMMAND, "--model", str(model), "--workers", "2", str(music), "out"]
    jobs = [
        subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, stdout=subprocess.PIPE) for _ in range(2)
    ]
    output = [job.communicate(timeout=300)[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0]
    done = [int(line.split(" = ")[1].split()[0]) for text in output for line in text.splitlines() if " = " in line]
    assert sum(done) == 12, output  # together they did all recordings, each once
    assert list((tmp_path / "out" / RECORDS / "claims").iterdir()) == []


def test_interrupted_job_prints_one_line_and_the_next_job_continues(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = write_music(tmp_path / "music", 8, 20)
    command = [sys.executable, *COMMAND, "--model", str(model), str(music), "out"]
    job = subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").glob("*/provenance.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    job.send_signal(signal.SIGINT)
    _, error = job.communicate(timeout=60)
    assert job.returncode == 130
    assert "interrupted; start the same command again to go on" in error
    assert "Traceback" not in error
    result = run_python(*command[1:], cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(files(tmp_path / "out")) == 8 * 4
    assert not list((tmp_path / "out" / RECORDS).glob("staging/*"))


def test_killed_job_leaves_no_process(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = write_music(tmp_path / "music", 8, 60)
    command = [sys.executable, *COMMAND, "--model", str(model), str(music), "out"]
    job = subprocess.Popen(command, cwd=tmp_path, env=environment())
    deadline = time.monotonic() + 120
    while not (workers := worker_processes(job.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    gone, alive = psutil.wait_procs(workers, timeout=20)
    assert workers
    assert not alive, gone
