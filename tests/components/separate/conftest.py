"""Fixtures of the tests of `separate`: jobs in this process, with a tiny model and short recordings."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import torch

from components.separate import job as job_module
from tests.components.separate.in_process_job import NAMES, InProcessPool
from tests.support.tiny_models import noise, save_tiny_model


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run jobs in this process."""
    monkeypatch.setattr(job_module, "WorkerPool", InProcessPool)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for number, name in enumerate(NAMES):
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise(number, 3000).T, 44100, "PCM_16")
    (tmp_path / "music" / "cover.jpg").write_bytes(b"no sound")
    (tmp_path / "music" / ".hidden.wav").write_bytes(b"no sound")
    return tmp_path / "music"
