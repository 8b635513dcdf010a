"""Workers that separate several recordings at once, as on a GPU; retries find the one that crashed a worker."""

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from components.core.base.files import digest_file
from components.core.models.addresses import fetch_model
from components.core.networks.architectures.unet import UNetConfig
from components.core.separating.segment_pool import SegmentPool
from components.core.sound.stft_config import StftConfig
from components.core.stores.opening import open_store
from components.separate.listing.plan import NEW, Task
from components.separate.recording.stem_settings import read_settings
from components.separate.recording.stems import Separation
from components.separate.workers.messages import Finished, Message, WorkerSetup
from components.separate.workers.worker import Worker, prepare_separation
from components.separate.workers.worker_pool import WorkerPool, choose_pool_size
from tests.components.separate.parameters import separate_config
from tests.support.tiny_models import noise, save_tiny_model

LONG = UNetConfig(widths=(2, 4), stft=StftConfig(window=2048, hop=1024), bins=64, frames=129)


def _make_setup(tmp_path: Path, out: str, tracks: int) -> WorkerSetup:
    address = fetch_model(str(save_tiny_model(tmp_path / "model", network=LONG)), tmp_path)
    config = separate_config()
    settings = read_settings(address, config)
    return WorkerSetup(str(tmp_path / "in"), str(tmp_path / out), address, config, settings, lanes=1, tracks=tracks)


def _tasks(tmp_path: Path, recordings: int, seconds: int) -> list[Task]:
    (tmp_path / "in").mkdir()
    for number in range(recordings):
        soundfile.write(tmp_path / "in" / f"{number}.flac", noise(number, seconds * 44100).T, 44100)
    return [Task(entry, NEW) for entry in open_store(str(tmp_path / "in")).recordings()]


def _stems(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in folder.rglob("*.wav")}


def _work(setup: WorkerSetup, separation: Separation, tasks: list[Task]) -> None:
    messages: list[Message] = []
    worker = Worker(setup, separation, messages.append)
    for task in tasks:
        worker.give(task.entry)
    worker.give(None)
    worker.work()
    assert sorted(message.row.state for message in messages if isinstance(message, Finished)) == ["done"] * len(tasks)


@pytest.mark.slow
def test_shared_forward_passes_change_no_bit(tmp_path: Path) -> None:
    tasks = _tasks(tmp_path, 5, 7)
    for tracks in (1, 3):
        setup = _make_setup(tmp_path, f"out{tracks}", tracks)
        plain = prepare_separation(setup, "cpu")
        with SegmentPool(plain.separator, batch=4) as pool:
            _work(setup, replace(plain, pool=pool), tasks)
    assert _stems(tmp_path / "out1") == _stems(tmp_path / "out3")
    assert len(_stems(tmp_path / "out1")) == 10


@pytest.mark.slow
def test_recordings_of_a_crashed_worker_are_tried_one_by_one(tmp_path: Path) -> None:
    tasks = _tasks(tmp_path, 4, 40)
    pool = WorkerPool(_make_setup(tmp_path, "out", 2), 1, ["cpu"])
    crashes = threading.Semaphore(0)
    watch = threading.Thread(target=_crash_twice, args=(pool, crashes), daemon=True)
    watch.start()
    states = {report.row.key: report.row.state for report in pool.work(tasks) if isinstance(report, Finished)}
    assert crashes.acquire(timeout=1)
    assert states == {f"{number}.flac": "done" for number in range(4)}


def _crash_twice(pool: WorkerPool, crashes: threading.Semaphore) -> None:
    """Have the worker crash while it separates two recordings at once."""
    done = 0
    while done < 2:
        for worker in pool.workers:
            if len(worker.separating) == 2 and worker.process.pid:
                os.kill(worker.process.pid, signal.SIGSEGV)
                worker.process.join()
                crashes.release()
                done += 1
        time.sleep(0.005)


def test_workers_times_lanes_equal_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.separate.workers.worker_pool.available_cores", lambda: 8)
    assert choose_pool_size(0, 100, ["cpu"]) == (8, 1)
    assert choose_pool_size(0, 1, ["cpu"]) == (1, 8)
    assert choose_pool_size(3, 100, ["cpu"]) == (3, 2)
    assert choose_pool_size(0, 100, ["cuda:0", "cuda:1"]) == (2, 1)
