"""Two identical trainings at once: one waits, then continues where the other ended."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.train.lock import Holder, delete_old_trainings, exclusive_training, training_lock
from tests.components.train.train_music import noise_cache
from tests.components.train.training_processes import Training, living
from tests.support.databases import new_mlflow_store
from tests.support.processes import wait_until

WAITS = re.compile(
    r"^train: waiting for process (?P<process>\d+) on \S+, started in (?P<folder>.+), "
    r"which runs the same training \((?P<key>\w{16})\)$"
)


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Training]:
    """A training whose processes end with the test."""
    training = Training(
        tmp_path / "a", noise_cache(tmp_path / "cache"), new_mlflow_store(tmp_path / "mlflow.db"), steps=20
    )
    yield training
    for process in living(training):
        process.kill()


def pause_at_a_checkpoint(training: Training) -> "subprocess.Popen[bytes]":
    """Start the training, and stop all its processes in the middle; return the launcher."""
    launcher = training.start()
    wait_until(lambda: any(training.scratch.glob("*/checkpoint.pt")))
    for process in living(training):
        process.suspend()
    assert not training.finished
    return launcher


def said_of_waiting(training: Training) -> list[re.Match[str]]:
    return [found for line in training.text.splitlines() if (found := WAITS.match(line))]


@pytest.mark.slow
def test_second_training_continues_from_the_checkpoint_of_a_killed_one(first: Training, tmp_path: Path) -> None:
    """Two folders share a scratch folder, like the clones of a project."""
    second = Training(tmp_path / "b", first.cache, first.store, scratch=first.scratch, steps=20)
    launcher = pause_at_a_checkpoint(first)
    run_id = first.begun_run_id()
    waiting = second.start()
    wait_until(lambda: said_of_waiting(second) or waiting.poll() is not None)
    launcher.kill()
    assert waiting.wait(120) == 0, second.text
    wait_until(lambda: not living(first), seconds=60)
    assert not first.finished
    ((process, folder, key),) = [found.groups() for found in said_of_waiting(second)]
    assert (first.scratch / key / "checkpoint.pt").is_file()
    assert (int(process), folder) == (launcher.pid, str(first.folder))
    assert "train: going on from step" in second.text
    assert second.run_id == run_id
    assert [step for step, _ in second.logged("train/loss")] == [10, 20]


def test_launchers_on_several_hosts_share_the_lock_of_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PET_RDZV_ENDPOINT", "10.0.0.1:29400")
    with exclusive_training(tmp_path / "key"), exclusive_training(tmp_path / "key"):
        assert capsys.readouterr().err == ""


def test_lock_lies_beside_the_folder_and_ends_with_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with exclusive_training(tmp_path / "key"):
            assert (tmp_path / "key" / Holder.FILE).is_file()
            assert (tmp_path / "key.lock").is_file()


def test_old_trainings_are_deleted_unless_they_run(tmp_path: Path) -> None:
    for number in range(6):
        folder = tmp_path / str(number)
        folder.mkdir()
        with training_lock(folder):
            pass
        os.utime(folder, (number, number))
    with training_lock(tmp_path / "1"):
        delete_old_trainings(tmp_path, tmp_path / "0")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["0", "1", "4", "5"]
    assert sorted(path.name for path in tmp_path.glob("*.lock")) == ["0.lock", "1.lock", "4.lock", "5.lock"]
    delete_old_trainings(tmp_path, tmp_path / "5")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["0", "4", "5"]
