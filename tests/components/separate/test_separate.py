"""A folder of recordings: what is done is skipped, what is bad is reported, and every stem says where it is from."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from core.tiny import noise, run_python, save_tiny_model

from components.core.bundle import WEIGHTS
from components.core.errors import UserError
from components.core.files import digest_file
from components.core.model_store import fetch_model
from components.core.postprocessing import PostProcessing
from components.separate.separate import Outcome, separate
from components.separate.stores import open_store

NAMES = ("a.wav", "a.flac", "Łódź/été, 'live'.wav", "歌/🎵 中文.flac", "deep/er/still/b.aiff", "UPPER.WAV")


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


def _separate(
    model: Path,
    source: Path,
    destination: Path,
    post: PostProcessing = PostProcessing(),  # noqa: B008
) -> Outcome:
    stores = open_store(str(source)), open_store(str(destination))
    return separate(fetch_model(str(model), destination.parent / "models"), post, *stores)


def _files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in folder.rglob("*") if path.is_file()}


def test_a_folder_for_each_recording(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert _separate(model, music, out) == Outcome(6, 0, ())
    stems = ("accompaniment.wav", "provenance.json", "vocals.wav")
    assert sorted(_files(out)) == sorted(f"{name}/{stem}" for name in NAMES for stem in stems)
    for name in NAMES:
        source, _ = soundfile.read(music / name, dtype="int16")
        total = sum(soundfile.read(out / name / stem, dtype="int16")[0].astype(int) for stem in (stems[0], stems[2]))
        assert np.array_equal(total, source)


def test_what_is_done_is_skipped(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _separate(model, music, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert _separate(model, music, out) == Outcome(0, 6, ())
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_what_changed_is_done_again(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _separate(model, music, out)
    before = _files(out)
    soundfile.write(music / "a.wav", noise(99, 3000).T, 44100, "PCM_16")
    assert _separate(model, music, out) == Outcome(1, 5, ())
    after = _files(out)
    assert {name for name in after if after[name] != before[name]} == {
        "a.wav/accompaniment.wav",
        "a.wav/provenance.json",
        "a.wav/vocals.wav",
    }
    other = save_tiny_model(tmp_path / "other", seed=1)
    assert _separate(other, music, out) == Outcome(6, 0, ())
    assert all(after[name] != digest for name, digest in _files(out).items())


def test_another_post_processing_is_done_again_and_written_down(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _separate(model, music / "a.wav", out)
    before = _files(out)
    wiener = PostProcessing(method="wiener")
    assert _separate(model, music / "a.wav", out, wiener) == Outcome(1, 0, ())
    assert _separate(model, music / "a.wav", out, wiener) == Outcome(0, 1, ())
    assert all(digest != before[name] for name, digest in _files(out).items())
    document = json.loads((out / "a.wav" / "provenance.json").read_text(encoding="utf-8"))
    assert document["post"] == wiener.model_dump(mode="json")
    source, _ = soundfile.read(music / "a.wav", dtype="int16")
    stems = [soundfile.read(out / "a.wav" / f"{name}.wav", dtype="int16")[0] for name in ("vocals", "accompaniment")]
    assert np.array_equal(sum(stem.astype(int) for stem in stems), source)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}"])
def test_a_damaged_provenance_is_made_again(model: Path, music: Path, tmp_path: Path, damage: bytes) -> None:
    out = tmp_path / "out"
    _separate(model, music / "a.wav", out)
    before = _files(out)
    (out / "a.wav" / "provenance.json").write_bytes(damage)
    assert _separate(model, music / "a.wav", out) == Outcome(1, 0, ())
    assert _files(out) == before


def test_a_recording_without_its_provenance_is_not_done(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _separate(model, music / "a.wav", out)
    (out / "a.wav" / "provenance.json").unlink()
    assert _separate(model, music / "a.wav", out).separated == 1


def test_provenance_says_where_a_stem_is_from(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _separate(model, music / "a.wav", out)
    document = json.loads((out / "a.wav" / "provenance.json").read_text(encoding="utf-8"))
    assert document["source"] == {
        "key": "a.wav",
        "sha256": digest_file(music / "a.wav"),
        "rate": 44100,
        "channels": 2,
        "subtype": "PCM_16",
        "streams": 1,
    }
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
        assert document["stems"][target] == {"file": f"{target}.wav", "sha256": hashlib.sha256(data).hexdigest()}
    assert {"torch", "soundfile", "stemline"} <= document["packages"].keys()
    assert document["machine"].keys() == {"machine", "system", "python"}
    assert document["code"]


def test_provenance_is_written_last(model: Path, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends after the last stem leaves nothing that looks done."""
    destination = open_store(str(tmp_path / "out"))
    put = destination.put

    def stop_before_provenance(local: Path, key: str) -> None:
        if key.endswith("provenance.json"):
            raise KeyboardInterrupt
        put(local, key)

    monkeypatch.setattr(destination, "put", stop_before_provenance)
    address = fetch_model(str(model), tmp_path / "models")
    with pytest.raises(KeyboardInterrupt):
        separate(address, PostProcessing(), open_store(str(music / "a.wav")), destination)
    assert sorted(_files(tmp_path / "out")) == ["a.wav/accompaniment.wav", "a.wav/vocals.wav"]
    assert _separate(model, music / "a.wav", tmp_path / "out").separated == 1


def test_a_bad_recording_stops_no_other(model: Path, music: Path, tmp_path: Path) -> None:
    (music / "a0.wav").write_bytes(b"rubbish" * 100)
    (music / "empty.m4a").touch()
    whole = (music / "a.flac").read_bytes()
    (music / "half.flac").write_bytes(whole[: len(whole) // 2])
    outcome = _separate(model, music, tmp_path / "out")
    assert (outcome.separated, outcome.skipped) == (6, 0)
    assert [address for address, _ in outcome.failed] == [
        str(music / name) for name in ("a0.wav", "empty.m4a", "half.flac")
    ]
    assert all(len(reason.splitlines()) == 1 for _, reason in outcome.failed)
    assert not (tmp_path / "out" / "half.flac").exists()
    assert _separate(model, music, tmp_path / "out").skipped == 6


def test_an_empty_folder_is_no_error(model: Path, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    assert _separate(model, tmp_path / "music", tmp_path / "out") == Outcome(0, 0, ())


def test_what_is_not_there_is_one_line(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is neither a file nor a folder"):
        _separate(model, tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(UserError, match=r"is not a model: model\.json is missing"):
        _separate(tmp_path / "no-model", tmp_path, tmp_path / "out")


def test_stems_do_not_replace_the_recording(model: Path, music: Path) -> None:
    """`separate song.wav .`: the folder for the stems would be called as the recording."""
    before = (music / "a.wav").read_bytes()
    outcome = _separate(model, music / "a.wav", music)
    [(address, reason)] = outcome.failed
    assert address == str(music / "a.wav")
    assert "choose another destination" in reason
    assert (music / "a.wav").read_bytes() == before


def _command(cwd: Path, *arguments: str) -> tuple[int, str, str]:
    result = run_python("-m", "components.separate", *arguments, cwd=cwd)
    return result.returncode, result.stdout, result.stderr


def _params(folder: Path, model: str) -> None:
    (folder / "params.yaml").write_text(f"separate:\n  model: {model}\n", encoding="utf-8")


@pytest.mark.slow
def test_the_command_reports_and_ends_with_2_when_something_failed(model: Path, music: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "model")
    _params(tmp_path, "model")
    (music / "bad.mp3").write_bytes(b"rubbish" * 100)
    code, out, err = _command(tmp_path, "music", "out")
    assert code == 2
    assert out.splitlines()[-1] == ("separate: 7 recordings = 6 separated + 0 done before + 1 failed; stems in out")
    assert [line for line in err.splitlines() if line.startswith("failed: ")] == [
        line for line in err.splitlines() if "bad.mp3" in line
    ]
    assert "Traceback" not in err
    (music / "bad.mp3").unlink()
    code, out, err = _command(tmp_path, "--model", str(model), "--", "music", "out")
    assert (code, "0 separated + 6 done before + 0 failed" in out) == (0, False)  # the same weights by another name
    code, out, err = _command(tmp_path, "--model", str(model), "--", "music", "out")
    assert (code, "0 separated + 6 done before + 0 failed" in out) == (0, True)


@pytest.mark.slow
def test_the_command_says_in_one_line_that_there_is_no_model(music: Path, tmp_path: Path) -> None:
    _params(tmp_path, "models:/vocal-isolation@champion")
    for arguments, says in (
        (["music", "out", "--model", "models:/nobody@champion"], "models:/nobody@champion is not in the registry"),
        (["music", "out", "--model", "nowhere"], "nowhere is not a model: model.json is missing"),
    ):
        code, _, err = _command(tmp_path, *arguments)
        lines = [line for line in err.splitlines() if line.startswith("stemline: ")]
        assert code == 2
        assert len(lines) == 1, err
        assert says in lines[0]
        assert "Traceback" not in err


def test_a_destination_inside_the_source_is_not_separated_again(tmp_path: Path) -> None:
    for name in ("song.wav", "stems/song.wav/vocals.wav", "stems/song.wav/provenance.json", "stems/other.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert open_store(str(tmp_path)).recordings() == ["song.wav", "stems/other.wav"]
