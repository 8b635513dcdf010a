"""A job skips finished recordings, and repeats them when recording, model or options have changed."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.core.separating.postprocessing_config import PostProcessing
from tests.components.separate.destination_files import files
from tests.components.separate.in_process_job import NAMES, PER_RECORDING, STEMS, counts, separate
from tests.support.tiny_models import noise, save_tiny_model

pytestmark = pytest.mark.usefixtures("in_process")


def _provenance(folder: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    return document


@pytest.mark.slow
def test_job_skips_finished_recordings(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    separate(model, music, out)
    before = {path: path.stat().st_mtime_ns for name in NAMES for path in (out / name).iterdir()}
    assert counts(separate(model, music, out)) == (0, 7, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.slow
def test_job_skips_copied_recordings(model: Path, music: Path, tmp_path: Path) -> None:
    separate(model, music, tmp_path / "out")
    (music / "a.wav").touch()
    assert counts(separate(model, music, tmp_path / "out")) == (0, 7, 0, 0)


@pytest.mark.slow
def test_job_repeats_changed_recordings(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    separate(model, music, out)
    before = files(out)
    soundfile.write(music / "a.wav", noise(99, 3000).T, 44100, "PCM_16")
    assert counts(separate(model, music, out)) == (1, 6, 0, 0)
    after = files(out)
    assert {name for name in after if after[name] != before[name]} == {f"a.wav/{file}" for file in PER_RECORDING}
    other = save_tiny_model(tmp_path / "other", seed=1)
    assert counts(separate(other, music, out)) == (7, 0, 0, 0)
    assert all(after[name] != digest for name, digest in files(out).items())


@pytest.mark.slow
def test_job_skips_recordings_of_the_same_model_under_another_name(model: Path, music: Path, tmp_path: Path) -> None:
    separate(model, music, tmp_path / "out")
    again = save_tiny_model(tmp_path / "renamed")
    assert counts(separate(again, music, tmp_path / "out")) == (0, 7, 0, 0)


@pytest.mark.slow
def test_another_post_processing_repeats_recordings(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    separate(model, music / "a.wav", out)
    before = files(out)
    wiener = PostProcessing(method="wiener")
    assert counts(separate(model, music / "a.wav", out, post=wiener)) == (1, 0, 0, 0)
    assert counts(separate(model, music / "a.wav", out, post=wiener)) == (0, 1, 0, 0)
    assert all(digest != before[name] for name, digest in files(out).items())
    options = _provenance(out / "a.wav")["options"]
    assert isinstance(options, dict)
    assert options["post"] == wiener.model_dump(mode="json")
    source, _ = soundfile.read(music / "a.wav", dtype="int16")
    stems = [soundfile.read(out / "a.wav" / name, dtype="int16")[0] for name in STEMS]
    assert np.array_equal(sum(stem.astype(int) for stem in stems), source)


def test_another_format_replaces_the_stems(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    separate(model, music / "a.wav", out)
    assert counts(separate(model, music / "a.wav", out, format="flac", stems=("vocals",))) == (1, 0, 0, 0)
    assert sorted(files(out)) == [f"a.wav/{name}" for name in ("provenance.json", "spectrogram.png", "vocals.flac")]
