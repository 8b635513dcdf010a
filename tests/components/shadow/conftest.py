"""Two tiny models on one thread, and a catalogue of three songs, a broken file and a silent one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import torch

from components.core.separating.postprocessing_config import PostProcessing
from components.shadow.candidates import Candidate, SeparateSection, load_pair
from tests.support.tiny_models import noise, save_tiny_model

SECONDS, LOUD = 8, 5
"""The length of a song in seconds, and the second that is loudest."""


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models `challenger` and `champion`."""
    folder = tmp_path_factory.mktemp("models")
    save_tiny_model(folder / "challenger", seed=1)
    save_tiny_model(folder / "champion", seed=2)
    return folder


@pytest.fixture(scope="session")
def pair(models: Path) -> tuple[Candidate, Candidate]:
    return load_pair(
        str(models / "challenger"), str(models / "champion"), SeparateSection(post=PostProcessing(), precision="fp32")
    )


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs in stereo, in mono at another rate, and in six channels; a broken file, and a silent one."""
    folder = tmp_path_factory.mktemp("catalogue")
    for number, (channels, rate) in enumerate([(2, 44100), (1, 22050), (6, 16000)]):
        song = noise(number, SECONDS * rate, channels, 0.05)
        song[:, LOUD * rate : (LOUD + 1) * rate] *= 8
        soundfile.write(folder / f"song {number}.flac", song.T, rate)
    (folder / "rubbish.wav").write_bytes(b"rubbish" * 100)
    soundfile.write(folder / "silence.wav", noise(0, 44100, 1, 0.0).T, 44100)
    return folder
