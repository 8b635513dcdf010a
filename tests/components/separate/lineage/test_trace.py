"""Lineage traces a stem to its origins, and `reproduce` makes the same bytes again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.core.base.errors import UserError
from components.core.models.addresses import SHIPPED
from components.core.tracking import mlflow_runs
from components.core.tracking.exported_run import ExportedRun
from components.separate.lineage import reproduce
from components.separate.lineage.trace import Stem, find_stem, trace
from tests.components.separate.in_process_job import separate
from tests.support.databases import new_mlflow_store
from tests.support.tiny_models import noise, run_python, save_tiny_model

THREADS = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_tiny_model(tmp_path / "model")


@pytest.fixture
def stem(tmp_path: Path, model: Path) -> Path:
    (tmp_path / "in" / "歌").mkdir(parents=True)
    soundfile.write(tmp_path / "in" / "歌" / "a.flac", noise(0, 9000).T, 44100)
    separate(model, tmp_path / "in", tmp_path / "out", format="flac")
    return tmp_path / "out" / "歌" / "a.flac" / "vocals.flac"


def _with_run(stem: Stem, run_id: str) -> Stem:
    model = stem.provenance.model.model_copy(update={"run_id": run_id})
    return replace(stem, provenance=stem.provenance.model_copy(update={"model": model}))


def test_trace_names_all_origins(stem: Path, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow.db"))
    client = mlflow_runs.connect()
    run = client.create_run(mlflow_runs.experiment_id(client))
    client.set_tag(run.info.run_id, "train.data", "d1g35t")
    client.log_param(run.info.run_id, "train.steps", "7")
    found = find_stem(str(stem))
    lines = dict(trace(_with_run(found, run.info.run_id)))
    assert lines["recording"] == f"{tmp_path / 'in'}: 歌/a.flac"
    assert lines["trained by"] == f"code c0ffee, MLflow run {run.info.run_id}"
    assert "format flac" in lines["options"]
    assert "torch" in lines["packages"]
    assert (lines["train.data"], lines["train.steps"]) == ("d1g35t", "7")


def test_trace_says_where_a_missing_run_would_be(stem: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert "MLFLOW_TRACKING_URI" in dict(trace(find_stem(str(stem))))["its run"]


def test_trace_of_an_exported_model_needs_no_store(stem: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    run_id = find_stem(str(stem)).provenance.model.run_id
    exported = ExportedRun(
        run_id=str(run_id), name="tiny", params={"train.steps": "7"}, tags={"train.data": "d1g35t"}, metrics={}
    )  # fmt: skip
    folder = tmp_path / "models" / "vocal-isolation"
    folder.mkdir(parents=True)
    exported.write(folder)
    traced = run_python(
        "-m", "components.separate.lineage.trace", str(stem), more={"STEMLINE_MODELS": str(tmp_path / "models")}
    )  # fmt: skip
    assert traced.returncode == 0, traced.stderr
    assert "train.data  d1g35t" in traced.stdout
    assert "train.steps  7" in traced.stdout


@pytest.mark.slow
def test_trace_of_converted_weights_names_their_files(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(0, 44100).T, 44100)
    separate(SHIPPED, tmp_path / "a.wav", tmp_path / "out")
    lines = list(trace(find_stem(str(tmp_path / "out" / "a.wav" / "vocals.wav"))))
    assert dict(lines)["converted from"].startswith("spleeter, by code ")
    files = [value for name, value in lines if name == "its file"]
    digests = json.loads((SHIPPED / "model.json").read_text(encoding="utf-8"))["origin"]["files"]
    assert len(digests) == 2
    assert all(f"{name}, SHA-256 {digest}" in files for name, digest in digests.items())
    assert "trained by" not in dict(lines)


def test_trace_of_an_ensemble_names_its_members(stem: Path) -> None:
    found = find_stem(str(stem))
    model = found.provenance.model.model_copy(
        update={"converted_from": "ensemble", "members": ({"model": "one", "sha256": "beef"},)}
    )
    lines = dict(trace(replace(found, provenance=found.provenance.model_copy(update={"model": model}))))
    assert lines["its member"] == "one, SHA-256 beef"


@pytest.mark.parametrize("name", ["spectrogram.png", "../a.flac", "nothing.wav"])
def test_file_that_is_no_stem_is_a_user_error(stem: Path, name: str) -> None:
    with pytest.raises(UserError, match="is not a stem of Stemline"):
        find_stem(str(stem.parent / name))


@pytest.mark.slow
def test_reproduce_makes_the_same_bits_with_the_shipped_model(tmp_path: Path) -> None:
    """The network is so large that torch would divide its sums among several threads."""
    soundfile.write(tmp_path / "a.wav", noise(0, 7 * 44100).T, 44100)
    done = run_python("-m", "components.separate", "--model", str(SHIPPED), "a.wav", "out", cwd=tmp_path, more=THREADS)
    assert done.returncode == 0, done.stderr
    for target in ("vocals", "accompaniment"):
        stem = str(tmp_path / "out" / "a.wav" / f"{target}.wav")
        again = run_python("-m", "components.separate.lineage.reproduce", stem, cwd=tmp_path, more=THREADS)
        assert (again.returncode, "identical" in again.stdout) == (0, True), again.stdout + again.stderr


def test_reproduce_makes_the_same_bits(stem: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reproduce.reproduce_stem(find_stem(str(stem)), None, str(model))
    assert "identical" in capsys.readouterr().out


def test_reproduce_takes_a_moved_recording(stem: Path, model: Path, tmp_path: Path) -> None:
    moved = (tmp_path / "in" / "歌" / "a.flac").rename(tmp_path / "moved.flac")
    with pytest.raises(UserError, match="give it with --source"):
        reproduce.reproduce_stem(find_stem(str(stem)), None, str(model))
    assert reproduce.reproduce_stem(find_stem(str(stem)), str(moved), str(model))


def test_reproduce_refuses_another_model_or_recording(stem: Path, model: Path, tmp_path: Path) -> None:
    other = save_tiny_model(tmp_path / "other", seed=1)
    with pytest.raises(UserError, match="is not the model"):
        reproduce.reproduce_stem(find_stem(str(stem)), None, str(other))
    soundfile.write(tmp_path / "in" / "歌" / "a.flac", noise(1, 9000).T, 44100)
    with pytest.raises(UserError, match="is not the recording"):
        reproduce.reproduce_stem(find_stem(str(stem)), None, str(model))


def test_changed_stem_differs(stem: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples, rate = soundfile.read(stem)
    soundfile.write(stem, samples + 0.01, rate)
    assert not reproduce.reproduce_stem(find_stem(str(stem)), None, str(model))
    assert "it was changed after it was made" in capsys.readouterr().out


def test_distance_is_the_level_of_the_difference(tmp_path: Path) -> None:
    sound = noise(0, 5000).T.astype(np.float64)
    for name, samples in (("a.wav", sound), ("b.wav", sound * 1.001), ("c.wav", sound[:-1])):
        soundfile.write(tmp_path / name, samples, 44100, "DOUBLE")
    assert reproduce.measure_distance_db(tmp_path / "a.wav", tmp_path / "b.wav") == pytest.approx(-60.0, abs=0.01)
    assert reproduce.measure_distance_db(tmp_path / "a.wav", tmp_path / "c.wav") == np.inf
