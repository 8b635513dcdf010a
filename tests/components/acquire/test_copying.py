"""Files are copied unchanged, to names that every file system accepts."""

import os
import unicodedata
from pathlib import Path

import pytest

from components.acquire.copying import FileCopy, copy_file, plan_copies
from components.acquire.datasets.collection import SourceStem, SourceTrack
from components.core.base.files import digest_file


def _track(dataset: str, name: str, *paths: str) -> SourceTrack:
    stems = tuple(SourceStem(Path(path).stem, Path(path)) for path in paths)
    return SourceTrack(dataset, name, name, name, None, stems)


def _targets(tracks: dict[str, SourceTrack]) -> dict[Path, Path]:
    return {copy.source: copy.target for copy in plan_copies(tracks, Path("/out"))}


def test_copy_targets_have_a_folder_for_several_files() -> None:
    streams = tuple(SourceStem(stem, Path("/in/A - B.stem.mp4"), number) for number, stem in enumerate("abc"))
    tracks = {
        "set/A - B": SourceTrack("set", "A - B", "A", "B", None, streams),
        "folder/歌": _track("folder", "歌", "/in/x/vocals.WAV", "/in/x/guitar: left.flac"),
    }
    targets = {path.as_posix(): target.as_posix() for path, target in _targets(tracks).items()}
    assert targets["/in/A - B.stem.mp4"] == "/out/set/A - B.stem.mp4"
    assert targets["/in/x/vocals.WAV"] == "/out/folder/歌/vocals.wav"
    assert targets["/in/x/guitar: left.flac"].startswith("/out/folder/歌/guitar_ left~")


def test_copy_targets_are_unique() -> None:
    names = ["a", "A", "a:", "a?", "..", "../../etc", unicodedata.normalize("NFD", "é"), "é"]
    tracks = {
        f"{dataset}/{name}": _track(dataset, name, f"/{dataset}/{number}/vocals.wav", f"/{dataset}/{number}/b.wav")
        for dataset in ("one", "two")
        for number, name in enumerate(names)
    }
    targets = _targets(tracks)
    assert len({unicodedata.normalize("NFC", str(path)).casefold() for path in targets.values()}) == len(targets)
    assert all(path.parts[:2] == ("/", "out") and ".." not in path.parts for path in targets.values())


@pytest.mark.parametrize("kernel", [True, False])
@pytest.mark.parametrize("size", [0, 1, 3_000_001])
def test_copy_keeps_every_byte(tmp_path: Path, size: int, kernel: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not kernel:
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    source = tmp_path / "source"
    source.write_bytes(os.urandom(size))
    source.chmod(0o400)
    target = tmp_path / "deep" / "down" / "target.wav"
    assert copy_file(FileCopy(source, target)) == digest_file(source)
    assert target.read_bytes() == source.read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["target.wav"]
