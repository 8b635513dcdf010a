"""Jobs at the limits of memory, time and disk."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from tests.components.separate.destination_files import files, ledger
from tests.components.separate.job_processes import COMMAND, LONG, processes_below, worker_processes, write_music
from tests.support.tiny_models import environment, noise, run_python, save_tiny_model

pytestmark = pytest.mark.system


def _write_minutes(path: Path, minutes: int) -> None:
    with soundfile.SoundFile(path, "w", 44100, 2, "PCM_16") as file:
        for minute in range(minutes):
            file.write(noise(minute, 60 * 44100).T)


def test_ten_minutes_need_the_memory_of_one(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    peaks = {}
    for minutes in (1, 10):
        source, out = tmp_path / f"{minutes}.wav", tmp_path / f"out{minutes}"
        _write_minutes(source, minutes)
        command = [sys.executable, *COMMAND, "--model", str(model), str(source), str(out)]
        with subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE) as process:
            peaks[minutes] = max(_megabytes_below(process), default=0.0)
            assert process.wait() == 0, process.stderr.read() if process.stderr else ""
        written = [out / source.name / f"{target}.wav" for target in ("vocals", "accompaniment")]
        blocks = [soundfile.blocks(path, 1 << 20, dtype="int16") for path in (source, *written)]
        for whole, vocals, accompaniment in zip(*blocks, strict=True):
            assert np.array_equal(vocals.astype(int) + accompaniment, whole)
        assert soundfile.info(written[0]).frames == minutes * 60 * 44100
    # nine minutes of this sound are 190 MB as floats
    assert peaks[10] - peaks[1] < 40, peaks


def _megabytes_below(process: "subprocess.Popen[bytes]") -> Iterator[float]:
    """Yield the memory of the largest process below `process`, until that ends."""
    while process.poll() is None:
        yield max((_megabytes(child) for child in processes_below(process.pid)), default=0.0)
        time.sleep(0.05)


def _megabytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def test_recording_that_needs_too_much_memory_is_quarantined(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    write_music(tmp_path / "music", 1, 60)
    limits = ("--attempts", "2", "--worker-gigabytes", "0.05")
    result = run_python(*COMMAND, *limits, "--model", str(model), "music", "out", cwd=tmp_path)
    assert result.returncode == 4, result.stderr
    assert ledger(tmp_path / "out")["00.flac"].reason == "its worker took more than 0.1 GB of memory, 2 times"


def test_stuck_worker_is_ended(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = write_music(tmp_path / "music", 3, 60)
    limits = ("--attempts", "2", "--stuck-seconds", "5")
    command = [sys.executable, *COMMAND, *limits, "--model", str(model), "--workers", "1", str(music), "out"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, stdout=subprocess.PIPE) as job:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "out").glob("*/provenance.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        for worker in worker_processes(job.pid):
            worker.suspend()
        out, _ = job.communicate(timeout=200)
    assert job.returncode == 0, out
    # if a worker is suspended between writing a recording and reporting it, the next worker finds it finished
    assert re.search(r"3 recordings = (3 done \+ 0|2 done \+ 1) done before \+ 0 quarantined \+ 0 failed", out), out


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB; skips the test if this user may not mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(place)], check=False).returncode:
        pytest.skip(
            "no disk can be mounted here, so none can be filled; a store with a full one is in test_job_failures.py"
        )
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_full_disk_prints_one_line_and_the_next_job_continues(small_disk: Path, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = write_music(tmp_path / "in", 8, 8)
    command = [*COMMAND, "--model", str(model), str(music)]
    full = run_python(*command, str(small_disk), cwd=tmp_path)
    assert full.returncode == 2, full.stdout + full.stderr
    assert "is the disk full?" in full.stderr or "No space left on device" in full.stderr
    assert "Traceback" not in full.stderr
    for provenance in small_disk.glob("*/provenance.json"):
        assert {path.name for path in provenance.parent.iterdir()} >= {"vocals.wav", "accompaniment.wav"}
    subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)
    again = run_python(*command, str(small_disk), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    roomy = run_python(*command, str(tmp_path / "roomy"), cwd=tmp_path)
    assert roomy.returncode == 0, roomy.stderr
    assert files(small_disk) == files(tmp_path / "roomy")
