"""A job skips finished recordings, accounts for bad ones, and writes the origin of every stem."""

import errno
import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.core.base.errors import Outage, UserError
from components.core.base.files import digest_file
from components.core.models.model_description import WEIGHTS
from components.core.separating.postprocessing_config import PostProcessing
from components.core.stores.folder import FolderStore
from components.core.stores.opening import open_store
from components.core.stores.process_owner import Owner
from components.core.stores.selection import RECORDS
from components.core.stores.store import StoreFault, StoreOutage
from components.core.tracking import mlflow_runs
from components.separate.ledger.claims import claim_folder
from components.separate.workers import recording_transfer
from tests.components.separate.in_process_job import counts, in_process, rows, separate
from tests.support.databases import new_mlflow_store
from tests.support.tiny_models import noise, save_tiny_model

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]

NAMES = ("a.wav", "a.flac", "Łódź/été, 'live'.wav", "歌/🎵 中文.flac", "deep/er/still/b.aiff", "UPPER.WAV", "upper.wav")
STEMS = ("accompaniment.wav", "vocals.wav")
PER_RECORDING = (*STEMS, "provenance.json", "spectrogram.png")


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


def files(folder: Path) -> dict[str, str]:
    """Return digests by name of the files that belong to a recording."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: digest_file(path) for name, path in named.items() if name != "index.html" and not name.startswith(RECORDS)
    }


def _provenance(folder: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    return document


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


def test_job_skips_recordings_of_the_same_model_under_another_name(model: Path, music: Path, tmp_path: Path) -> None:
    separate(model, music, tmp_path / "out")
    again = save_tiny_model(tmp_path / "renamed")
    assert counts(separate(again, music, tmp_path / "out")) == (0, 7, 0, 0)


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


@pytest.mark.slow
@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'{"source": 1, "stems": []}'])
def test_damaged_provenance_is_replaced(model: Path, music: Path, tmp_path: Path, damage: bytes) -> None:
    out = tmp_path / "out"
    separate(model, music / "a.wav", out)
    before = files(out)
    (out / "a.wav" / "provenance.json").write_bytes(damage)
    assert counts(separate(model, music / "a.wav", out)) == (1, 0, 0, 0)
    assert files(out) == before


def test_provenance_names_the_origin_of_a_stem(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    separate(model, music / "a.wav", out)
    document = json.loads((out / "a.wav" / "provenance.json").read_text(encoding="utf-8"))
    state = (music / "a.wav").stat()
    source = document["source"]
    assert len(source.pop("samples_sha256")) == 64
    assert source == {
        "store": str(music),
        "key": "a.wav",
        "bytes": state.st_size,
        "stamp": str(state.st_mtime_ns),
        "sha256": digest_file(music / "a.wav"),
        "samples": 3000,
        "rate": 44100,
        "channels": 2,
        "subtype": "PCM_16",
        "decoder": f"libsndfile {soundfile.__libsndfile_version__}",
    }
    network = document["model"].pop("network")
    assert network["name"] == "unet"
    assert document["model"] == {
        "name": model.name,
        "version": 0,
        "sha256": digest_file(model / WEIGHTS),
        "run_id": "0123456789abcdef",
        "git_commit": "c0ffee",
        "targets": ["vocals", "accompaniment"],
    }
    for target in ("vocals", "accompaniment"):
        data = (out / "a.wav" / f"{target}.wav").read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        assert document["stems"][target] == {"file": f"{target}.wav", "sha256": digest, "clipped": 0}
    assert {"torch", "soundfile", "stemline"} <= document["packages"].keys()
    assert document["machine"].keys() == {"machine", "system", "python", "hardware"}
    assert document["code"]


def test_provenance_is_written_last(model: Path, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that ends after the last stem leaves neither a provenance nor files of an earlier job."""
    out = tmp_path / "out"
    separate(model, music / "a.wav", out)
    soundfile.write(music / "a.wav", noise(99, 3000).T, 44100, "PCM_16")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recording_transfer, "write_document", stop)
        with pytest.raises(KeyboardInterrupt):
            separate(model, music / "a.wav", out)
    assert "a.wav/provenance.json" not in files(out)
    assert {"a.wav/accompaniment.wav", "a.wav/vocals.wav"} <= files(out).keys()
    assert counts(separate(model, music / "a.wav", out)) == (1, 0, 0, 0)


@pytest.mark.slow
def test_bad_recording_is_quarantined_and_not_repeated(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (music / "a0.wav").write_bytes(b"rubbish" * 100)
    (music / "empty.m4a").touch()
    whole = (music / "a.flac").read_bytes()
    (music / "half.flac").write_bytes(whole[: len(whole) // 2])
    (music / "link.wav").symlink_to(tmp_path / "nowhere")
    (music / "folder.wav").mkdir()
    bad = {"a0.wav", "empty.m4a", "half.flac", "link.wav", "folder.wav"}
    assert counts(separate(model, music, out)) == (7, 0, 5, 0)
    found = {key: row for key, row in rows(out).items() if row.state == "quarantined"}
    assert found.keys() == bad
    assert all(row.reason and len(row.reason.splitlines()) == 1 for row in found.values())
    assert not (out / "half.flac").exists()
    assert counts(separate(model, music, out)) == (0, 7, 5, 0)
    assert {key: row.reason for key, row in rows(out).items() if row.state == "quarantined"} == {
        key: row.reason for key, row in found.items()
    }


@pytest.mark.slow
def test_replaced_bad_recording_is_tried_again(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (music / "bad.wav").write_bytes(b"rubbish" * 100)
    assert counts(separate(model, music, out)) == (7, 0, 1, 0)
    assert counts(separate(model, music, out, {"retry_quarantined": True})) == (0, 7, 1, 0)
    soundfile.write(music / "bad.wav", noise(1, 3000).T, 44100)
    assert counts(separate(model, music, out)) == (1, 7, 0, 0)
    assert list((out / RECORDS / "quarantine").iterdir()) == []


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


def test_claim_of_a_killed_process_is_removed(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    separate(model, music, out)
    store = open_store(str(out))
    dead, other = Owner(Owner.this().host, 1 << 22, 1.0), Owner("elsewhere", 1 << 22, 1.0)
    for key, owner in (("a.wav", dead), ("a.flac", other)):
        store.write(f"{claim_folder(key)}/0", json.dumps(asdict(owner)).encode())
    assert counts(separate(model, music, out)) == (0, 7, 0, 0)
    assert store.names(claim_folder("a.wav")) == []
    assert store.names(claim_folder("a.flac")) == ["0"]  # whether it is dead can't be told from here


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "raised", "says"),
    [
        (StoreOutage("s3://x does not answer"), Outage, "does not answer"),
        (StoreFault("s3://x: access denied: check AWS_ACCESS_KEY_ID"), UserError, "access denied"),
        (OSError(errno.ENOSPC, "No space left on device", "/full"), UserError, "/full: No space left on device"),
    ],
)
def test_store_failure_stops_the_job_and_the_next_job_completes_it(
    model: Path,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
    raised: type[UserError],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, whole, stored = tmp_path / "out", tmp_path / "whole", []
    put = FolderStore.put

    def put_a_few(self: FolderStore, local: Path, key: str) -> None:
        stored.append(key)
        if len(stored) > 7:
            raise fault
        put(self, local, key)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "put", put_a_few)
        with pytest.raises(raised, match=says) as stopped:
            separate(model, music, out)
    assert type(stopped.value) is raised
    assert len(str(stopped.value).splitlines()) == 1
    assert "= 2 done + 0 done before + 0 quarantined + 5 failed" in capsys.readouterr().out
    assert counts(separate(model, music, out)) == (5, 2, 0, 0)
    separate(model, music, whole)
    assert files(out) == files(whole)


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


def test_missing_source_or_model_is_a_user_error(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is neither a file nor a folder"):
        separate(model, tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(UserError, match=r"is not a model: model\.json is missing"):
        separate(tmp_path / "no-model", tmp_path, tmp_path / "out")
    with pytest.raises(UserError, match="the model has no stem 'drums'"):
        separate(model, tmp_path, tmp_path / "out", stems=("drums",))


def test_stems_do_not_replace_the_recording(model: Path, music: Path) -> None:
    """`separate song.wav .` would give the folder of the stems the name of the recording."""
    before = (music / "a.wav").read_bytes()
    with pytest.raises(UserError, match="give another destination"):
        separate(model, music / "a.wav", music)
    assert (music / "a.wav").read_bytes() == before


@pytest.mark.slow
def test_destination_within_the_source_is_not_listed(model: Path, music: Path) -> None:
    out = music / "stems"
    assert counts(separate(model, music, out)) == (7, 0, 0, 0)
    (out / "a.wav" / "provenance.json").unlink()  # as a killed job leaves it
    assert counts(separate(model, music, out)) == (1, 6, 0, 0)


def test_file_in_the_place_of_a_folder_fails_one_recording(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.wav").touch()
    assert counts(separate(model, music, out)) == (6, 0, 1, 0)
    assert "a file lies where a folder must be" in rows(out)["a.wav"].reason
