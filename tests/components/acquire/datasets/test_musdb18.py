"""MUSDB18: local copies of each edition, and downloads from a server with broken connections."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from components.acquire.config import DatasetName
from components.acquire.datasets import musdb18
from components.acquire.datasets.collection import Collection
from components.acquire.datasets.musdb18 import EDITIONS, MIRROR, MUSDB_PATH, Edition, find
from components.core.base.errors import UserError
from components.core.sound import ffmpeg
from tests.components.acquire.acquire_params import acquire_config
from tests.components.acquire.conftest import UnreliableServer

Write = Callable[..., Path]
CONFIG = acquire_config(datasets=["musdb18-7s"])


@pytest.fixture(autouse=True)
def _no_local_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MUSDB_PATH, raising=False)
    monkeypatch.delenv(MIRROR, raising=False)


@pytest.fixture
def excerpts(stem_mp4: Callable[[Path], Path], tmp_path: Path) -> Path:
    """A copy of the excerpts with two tracks in it."""
    stem_mp4(tmp_path / "seven" / "train" / "Leaf - Wicked.stem.mp4")
    stem_mp4(tmp_path / "seven" / "test" / "PR - Oh No.stem.mp4")
    (tmp_path / "seven" / "train" / "._Leaf - Wicked.stem.mp4").write_bytes(b"mac")
    return tmp_path / "seven"


@pytest.fixture
def hq(write: Write, tmp_path: Path) -> Path:
    """A copy of the HQ edition with two full tracks (of 11 s) in it."""
    for folder in ("train/Leaf - Wicked", "test/PR - Oh No"):
        for number, stem in enumerate(("mixture", "drums", "bass", "other", "vocals")):
            write(tmp_path / "hq" / folder / f"{stem}.wav", seed=number, seconds=11.0)
    return tmp_path / "hq"


def _local(name: DatasetName, root: Path, monkeypatch: pytest.MonkeyPatch) -> Collection:
    monkeypatch.setenv(MUSDB_PATH, str(root))
    return find(EDITIONS[name], CONFIG, root / "unused")


def test_incomplete_local_copy_is_listed(excerpts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = _local("musdb18-7s", excerpts, monkeypatch)
    assert [(track.name, track.split) for track in collection.tracks] == [
        ("Leaf - Wicked", None),
        ("PR - Oh No", "test"),
    ]
    streams = {stem.stem: stem.stream for stem in collection.tracks[0].stems}
    assert streams == {"mixture": 0, "drums": 1, "bass": 2, "other": 3, "vocals": 4}
    assert collection.note == f"1 of 94 training and 1 of 50 test tracks in {excerpts}"


def test_local_hq_copy_is_listed(hq: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = _local("musdb18-hq", hq, monkeypatch)
    assert {stem.stem: stem.path.name for stem in collection.tracks[0].stems} == {
        stem: f"{stem}.wav" for stem in ("mixture", "drums", "bass", "other", "vocals")
    }


def test_excerpts_are_refused_as_musdb18(excerpts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"7-second excerpts .* asks for musdb18"):
        _local("musdb18", excerpts, monkeypatch)


def test_full_songs_are_refused_as_excerpts(hq: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MUSDB_PATH, str(hq))
    with pytest.raises(UserError, match=r"full songs .* asks for musdb18-hq"):
        find(replace(EDITIONS["musdb18-hq"], is_excerpts=True), CONFIG, hq)


def test_wrong_musdb_path_is_a_user_error(
    excerpts: Path, hq: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bare" / "train").mkdir(parents=True)
    cases: list[tuple[DatasetName, Path, str]] = [
        ("musdb18-7s", tmp_path / "nowhere", "is not a folder"),
        ("musdb18-7s", tmp_path / "empty", "neither train nor test"),
        ("musdb18-7s", tmp_path / "bare", "holds no tracks"),
        ("musdb18-7s", hq, r"holds WAV files \(musdb18-hq\), but acquire.datasets asks for musdb18-7s"),
        ("musdb18-hq", excerpts, r"holds stem.mp4 files .* asks for musdb18-hq"),
    ]
    for name, root, says in cases:
        with pytest.raises(UserError, match=says) as caught:
            _local(name, root, monkeypatch)
        assert "\n" not in str(caught.value)


def _zip(root: Path) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(root))
    return target.getvalue()


def _serve(name: DatasetName, body: bytes, line: UnreliableServer, monkeypatch: pytest.MonkeyPatch) -> Edition:
    edition = EDITIONS[name]
    line.files[f"mirror/{edition.archive}"] = body
    monkeypatch.setenv(MIRROR, f"{line.url}/mirror/")
    md5 = hashlib.md5(body).hexdigest() if edition.md5 else None
    return replace(edition, size=len(body), md5=md5)


@pytest.mark.parametrize(("name", "source"), [("musdb18-7s", "excerpts"), ("musdb18-hq", "hq")])
def test_download_survives_broken_connections(
    name: DatasetName,
    source: str,
    request: pytest.FixtureRequest,
    line: UnreliableServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = _zip(request.getfixturevalue(source))
    edition = _serve(name, body, line, monkeypatch)
    line.cut, line.cuts = len(body) // 3 + 1, 2
    collection = find(edition, CONFIG, tmp_path / "scratch")
    assert [track.name for track in collection.tracks] == ["Leaf - Wicked", "PR - Oh No"]
    assert len(line.ranges) >= 3
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [name]
    requests = len(line.ranges)
    assert find(edition, CONFIG, tmp_path / "scratch") == collection
    assert len(line.ranges) == requests


def test_download_refuses_a_wrong_archive(
    hq: Path, line: UnreliableServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edition = _serve("musdb18-hq", _zip(hq), line, monkeypatch)
    with pytest.raises(UserError, match="MD5"):
        find(replace(edition, md5=EDITIONS["musdb18-hq"].md5), CONFIG, tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_download_refuses_an_archive_that_leaves_its_folder(
    line: UnreliableServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("../../evil", "x")
    edition = _serve("musdb18-7s", target.getvalue(), line, monkeypatch)
    with pytest.raises(UserError, match="can't be trusted"):
        find(edition, CONFIG, tmp_path / "deep" / "scratch")
    assert not list(tmp_path.rglob("evil"))


def test_editions_name_the_archives_of_zenodo() -> None:
    # as in records 1117372 and 3338373; torchaudio pins the same HQ archive by its own checksum
    assert (EDITIONS["musdb18"].size, EDITIONS["musdb18"].md5) == (4_684_228_845, "af06762477334799bfc5abf237648207")
    assert (EDITIONS["musdb18-hq"].size, EDITIONS["musdb18-hq"].md5) == (
        22_656_664_047,
        "12d4f2ecd55245a4688754dd76363103",
    )
    assert musdb18.musdb_setup()["sample-url"].endswith(EDITIONS["musdb18-7s"].archive)


def test_find_lists_the_tracks_of_the_musdb_package(excerpts: Path, hq: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (excerpts / "train" / "._Leaf - Wicked.stem.mp4").unlink()
    import musdb  # musdb needs ffmpeg on PATH; the fixtures put it there

    for name, root in (("musdb18-7s", excerpts), ("musdb18-hq", hq)):
        theirs = musdb.DB(root=str(root), is_wav=name == "musdb18-hq").tracks
        ours = _local(name, root, monkeypatch).tracks  # type: ignore[arg-type]
        assert [(track.name, track.artist, track.title, track.subset) for track in theirs] == [
            (track.name, track.artist, track.title, track.split or "train") for track in ours
        ]


@pytest.mark.slow
def test_find_lists_the_real_excerpts_of_the_musdb_package(musdb18_7: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ffmpeg.add_ffmpeg_to_path()
    import musdb

    theirs = musdb.DB(root=str(musdb18_7)).tracks
    ours = _local("musdb18-7s", musdb18_7, monkeypatch)
    assert [track.name for track in ours.tracks] == [track.name for track in theirs]
    assert ours.note.startswith("94 of 94 training and 25 of 50 test tracks")
    with pytest.raises(UserError, match="7-second excerpts"):
        _local("musdb18", musdb18_7, monkeypatch)
