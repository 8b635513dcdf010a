"""A job reports a catalogue that is unlike the music of the training, if it has more than a few recordings."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.core.sound.recording_features import FEATURES, FeatureMeter
from components.core.sound.training_profile import PROFILE, write_profile
from components.train.profile_measurement import make_profile
from tests.components.separate.in_process_job import separate
from tests.support.tiny_models import noise, save_tiny_model

pytestmark = pytest.mark.usefixtures("in_process")

SAID = "separate: this catalogue is unlike the music that the model was trained on: its drift of "


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose profile describes white noise."""
    folder = save_tiny_model(tmp_path_factory.mktemp("model"))
    tracks = []
    for seed in range(20):
        meter = FeatureMeter(44100, 44100)
        meter.add(noise(seed, 44100) * np.array([[1], [seed / 20]], np.float32))
        tracks.append(meter.result().features)
    write_profile(make_profile({"noises": tracks}, FEATURES, 44100, {}), folder / PROFILE)
    return folder


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """Three recordings of tones, which differ from noise."""
    folder = tmp_path / "tones"
    folder.mkdir()
    for number in range(3):
        wave = 0.1 * np.sin(2 * np.pi * (300 + 100 * number) * np.arange(44100) / 44100)
        soundfile.write(folder / f"{number}.wav", np.tile(wave, (2, 1)).T, 44100)
    return folder


def _published(out: Path) -> tuple[float, bool, str]:
    document = json.loads((out / "_stemline" / "summary.json").read_text(encoding="utf-8"))
    return document["drift"], document["drifted"], (out / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_drift_over_the_limit_is_reported(
    model: Path, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = separate(model, tones, tmp_path / "out", drift={"limit": 1.5, "recordings": 3})
    drift, drifted, page = _published(tmp_path / "out")
    assert summary.drift is not None
    assert drift == summary.drift > 1.5
    assert drifted
    assert f"{drift:.2f}, over the limit" in page
    assert f"{SAID}{drift:.2f} is over 1.5 (separate.drift.limit)" in capsys.readouterr().out.splitlines()
    again = separate(model, tones, tmp_path / "out", drift={"limit": 1.5, "recordings": 3})
    assert again.drifted  # recordings of earlier jobs count, too


@pytest.mark.slow
@pytest.mark.parametrize("drift", [{"recordings": 4, "limit": 1.5}, {"recordings": 3, "limit": 1000.0}])
def test_drift_below_the_limit_or_of_few_recordings_is_silent(
    model: Path, tones: Path, tmp_path: Path, drift: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    separate(model, tones, tmp_path / "out", drift=drift)
    figure, drifted, page = _published(tmp_path / "out")
    assert figure > 1.5
    assert not drifted
    assert "over the limit" not in page
    assert SAID not in capsys.readouterr().out


@pytest.mark.slow
def test_model_without_a_profile_reports_no_drift(tones: Path, tmp_path: Path) -> None:
    summary = separate(
        save_tiny_model(tmp_path / "model"), tones, tmp_path / "out", drift={"limit": 1.5, "recordings": 1}
    )
    assert summary.drift is None
    assert not summary.drifted
