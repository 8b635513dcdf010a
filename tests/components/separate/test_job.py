"""A job writes stems and a ledger for the recordings that its options choose."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.core.stores.selection import RECORDS
from components.core.tracking import mlflow_runs
from tests.components.separate.destination_files import files
from tests.components.separate.in_process_job import NAMES, PER_RECORDING, STEMS, counts, rows, separate
from tests.support.databases import new_mlflow_store
from tests.support.tiny_models import noise

pytestmark = pytest.mark.usefixtures("in_process")


def test_job_writes_a_folder_for_each_recording(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert counts(separate(model, music, out)) == (7, 0, 0, 0)
    assert sorted(files(out)) == sorted(f"{name}/{file}" for name in NAMES for file in PER_RECORDING)
    for name in NAMES:
        source, _ = soundfile.read(music / name, dtype="int16")
        total = sum(soundfile.read(out / name / stem, dtype="int16")[0].astype(int) for stem in STEMS)
        assert np.array_equal(total, source)
    assert sorted(path.name for path in (out / RECORDS).iterdir()) == [
        "claims",
        "ledger.parquet",
        "runs",
        "summary.json",
    ]
    assert list((out / RECORDS / "claims").iterdir()) == []


@pytest.mark.parametrize("name", [b"caf\xe9.wav", b"new\nline.wav", b"-dash.wav", b" space .wav", b"%41?#.wav"])
def test_job_accepts_odd_names(model: Path, tmp_path: Path, name: bytes) -> None:
    import os

    (tmp_path / "music").mkdir()
    path = tmp_path / "music" / os.fsdecode(name)
    soundfile.write(path.with_name("x.wav"), noise(0, 2000).T, 44100)
    path.with_name("x.wav").rename(path)
    summary = separate(model, tmp_path / "music", tmp_path / "out")
    if name == b"caf\xe9.wav":
        assert counts(summary) == (0, 0, 1, 0)
        [row] = rows(tmp_path / "out").values()
        assert (row.key, row.reason) == ("caf\\udce9.wav", "its name is not UTF-8: rename it")
    else:
        assert counts(summary) == (1, 0, 0, 0)
    assert separate(model, tmp_path / "music", tmp_path / "out").done == 0


def test_patterns_choose_the_recordings(model: Path, music: Path, tmp_path: Path) -> None:
    options = {"include": ("*.wav", "*.flac"), "exclude": ("歌/*",)}
    assert counts(separate(model, music, tmp_path / "out", options)) == (4, 0, 0, 0)
    assert set(rows(tmp_path / "out")) == {"a.wav", "a.flac", "Łódź/été, 'live'.wav", "upper.wav"}


@pytest.mark.slow
def test_limit_leaves_the_other_recordings_for_later(model: Path, music: Path, tmp_path: Path) -> None:
    first = separate(model, music, tmp_path / "out", {"limit": 3})
    assert (counts(first), first.later) == ((3, 0, 0, 0), 4)
    second = separate(model, music, tmp_path / "out", {"limit": 3})
    assert (counts(second), second.later) == ((3, 3, 0, 0), 1)


def test_manifest_names_the_recordings_and_counts_missing_ones(model: Path, music: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "list.txt"
    manifest.write_text("a.wav\n歌/🎵 中文.flac\nnot-there.wav\n", encoding="utf-8")
    options = {"manifest": str(manifest)}
    assert counts(separate(model, music, tmp_path / "out", options)) == (2, 0, 0, 1)
    assert "the source does not have it" in rows(tmp_path / "out")["not-there.wav"].reason


@pytest.mark.slow
def test_job_logs_a_run_to_an_existing_store(
    model: Path, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow.db"))
    client = mlflow_runs.connect()
    (music / "bad.wav").write_bytes(b"rubbish" * 100)
    separate(model, music, tmp_path / "out", price_per_hour=2.0)
    assert client.search_runs([mlflow_runs.experiment_id(client)]) == []
    [run] = client.search_runs([mlflow_runs.experiment_id(client, mlflow_runs.CATALOGUES)])
    metrics = run.data.metrics
    assert (metrics["separate/listed"], metrics["separate/done"], metrics["separate/failures"]) == (8, 7, 1)
    assert metrics["separate/audio_hours"] == pytest.approx(7 * 3000 / 44100 / 3600)
    assert metrics["separate/price_per_audio_hour"] == pytest.approx(2.0 / metrics["separate/speed"])
    assert run.data.params["separate.source"] == str(music)
    assert run.data.tags["mlflow.source.name"] == "components.separate"
    assert run.data.tags["mlflow.note.content"].startswith("8 recordings = 7 done + 0 done before + 1 quarantined")
    assert [file.path for file in client.list_artifacts(run.info.run_id, "separate")] == ["separate/ledger.parquet"]


def test_recording_that_left_the_source_is_named_and_keeps_its_stems(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number, name in enumerate(("a.wav", "b.wav")):
        soundfile.write(source / name, noise(number, 3000).T, 44100, "PCM_16")
    separate(model, source, out)
    (source / "b.wav").unlink()
    before = files(out)
    capsys.readouterr()
    assert counts(separate(model, source, out)) == (0, 1, 0, 0)
    kept = "separate: 1 recordings have stems and are not in this source (b.wav): their stems are kept\n"
    assert kept in capsys.readouterr().err
    assert files(out) == before
    separate(model, source / "a.wav", out)
    assert "are not in this source" not in capsys.readouterr().err


def test_empty_folder_is_no_error(model: Path, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    assert counts(separate(model, tmp_path / "music", tmp_path / "out")) == (0, 0, 0, 0)


@pytest.mark.slow
def test_destination_within_the_source_is_not_listed(model: Path, music: Path) -> None:
    out = music / "stems"
    assert counts(separate(model, music, out)) == (7, 0, 0, 0)
    (out / "a.wav" / "provenance.json").unlink()  # as a killed job leaves it
    assert counts(separate(model, music, out)) == (1, 6, 0, 0)
