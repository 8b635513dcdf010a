"""A user's own multitracks in both layouts, in any script and format, among other files."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from components.acquire.datasets.collection import Collection
from components.acquire.datasets.folder import find
from components.core.base.errors import UserError
from components.core.data.data_problems import ProblemKind
from tests.components.acquire.acquire_params import acquire_config
from tests.support.encoders import run_ffmpeg

Write = Callable[..., Path]


def _find(folder: Path) -> Collection:
    return find(acquire_config(datasets=["folder"], folder=str(folder)), folder / "unused")


def _names(collection: Collection) -> dict[str, tuple[str, str, str | None, tuple[str, ...]]]:
    return {
        track.name: (track.artist, track.title, track.split, tuple(stem.stem for stem in track.stems))
        for track in collection.tracks
    }


def test_find_reads_a_folder_per_track(song: Write, tmp_path: Path) -> None:
    song(tmp_path / "Земфира - Искала", stems=("vocals", "гитара", "bass"))
    song(tmp_path / "宇多田_光", stems=("Vocals", "mix"))
    song(tmp_path / "untitled", stems=("voice", "Instrumental"))
    assert _names(_find(tmp_path)) == {
        "Земфира - Искала": ("Земфира", "Искала", None, ("bass", "vocals", "гитара")),
        "untitled": ("untitled", "untitled", None, ("accompaniment", "vocals")),
        "宇多田 - 光": ("宇多田", "光", None, ("mixture", "vocals")),
    }


def test_find_reads_a_folder_per_stem(write: Write, tmp_path: Path) -> None:
    for stem in ("vocals", "accompaniment"):
        write(tmp_path / stem / "Ani_1_01.opus", rate=16_000, channels=1)
        write(tmp_path / stem / f"周_{2 if stem == 'vocals' else 3}.mp3")
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "notes").mkdir()
    collection = _find(tmp_path)
    assert _names(collection) == {"Ani - 1_01": ("Ani", "1_01", None, ("accompaniment", "vocals"))}
    assert [(problem.track, problem.problem) for problem in collection.problems] == [
        ("folder/notes", ProblemKind.NOT_A_TRACK),
        ("folder/周 - 2", ProblemKind.ONLY_VOCALS),
        ("folder/周 - 3", ProblemKind.NO_VOCALS),
    ]


def test_find_takes_the_split_from_the_parent_folder(song: Write, write: Write, tmp_path: Path) -> None:
    song(tmp_path / "train" / "A - B")
    song(tmp_path / "Test" / "C - D")
    for stem in ("vocals", "drums"):
        write(tmp_path / "validation" / stem / "E - F.wav")
    song(tmp_path / "G - H")
    assert {name: row[2] for name, row in _names(_find(tmp_path)).items()} == {
        "A - B": "train",
        "C - D": "test",
        "E - F": "validation",
        "G - H": None,
    }


def test_find_accepts_a_track_named_test(song: Write, tmp_path: Path) -> None:
    song(tmp_path / "test")
    assert _names(_find(tmp_path)) == {"test": ("test", "test", None, ("drums", "vocals"))}


def test_table_overrides_names_and_folders(song: Write, tmp_path: Path) -> None:
    name = "Caf\u00e9 - One"
    song(tmp_path / unicodedata.normalize("NFD", name))
    song(tmp_path / "x1")
    (tmp_path / "tracks.csv").write_text(
        f'track,artist,title,split,genre\n{name},Björk,,test,pop\nx1,李,"a, b",,\nmissing,,,,\n', encoding="utf-8-sig"
    )
    collection = _find(tmp_path)
    assert _names(collection) == {
        "Björk - One": ("Björk", "One", "test", ("drums", "vocals")),
        "李 - a, b": ("李", "a, b", None, ("drums", "vocals")),
    }
    assert [track.genre for track in collection.tracks] == ["pop", ""]
    assert [problem.track for problem in collection.problems] == ["folder/missing"]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("name,artist\nx,y\n", "has the columns"),
        ("track,split\nx,dev\n", "line 2: split is 'dev'"),
        ("track,artist\nx,a\nX,b\n", "line 3: a second line"),
        ("", "not a CSV file"),
        ("track,artist\na,b,c,d\ne,f,g,h,i,j\n", "not a CSV file"),
    ],
)
def test_damaged_table_is_a_user_error(song: Write, tmp_path: Path, table: str, says: str) -> None:
    song(tmp_path / "x")
    (tmp_path / "tracks.csv").write_text(table)
    with pytest.raises(UserError, match=says) as caught:
        _find(tmp_path)
    assert "\n" not in str(caught.value)


def test_foreign_files_are_reported_and_hidden_files_ignored(song: Write, tmp_path: Path) -> None:
    folder = song(tmp_path / "A - B")
    (folder / "cover.jpg").write_bytes(b"\xff\xd8")
    (folder / "._vocals.wav").write_bytes(b"mac")
    (tmp_path / ".DS_Store").write_bytes(b"mac")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "loose.wav").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    collection = _find(tmp_path)
    assert list(_names(collection)) == ["A - B"]
    assert {problem.track: problem.problem for problem in collection.problems} == dict.fromkeys(
        ("folder/empty", "folder/loose.wav", "folder/notes.txt"), ProblemKind.NOT_A_TRACK
    ) | {"folder/A - B": ProblemKind.NOT_READ}


def test_incomplete_multitracks_are_reported(song: Write, write: Write, tmp_path: Path) -> None:
    song(tmp_path / "no voice", stems=("drums", "bass"))
    song(tmp_path / "only voice", stems=("vocals",))
    write(song(tmp_path / "twice") / "vocals.flac")
    song(tmp_path / "parts", stems=("vocals", "accompaniment", "drums"))
    collection = _find(tmp_path)
    assert list(_names(collection)) == ["parts"]
    assert {problem.track: (problem.problem, problem.used) for problem in collection.problems} == {
        "folder/no voice": (ProblemKind.NO_VOCALS, False),
        "folder/only voice": (ProblemKind.ONLY_VOCALS, False),
        "folder/twice": (ProblemKind.DUPLICATE_STEM, False),
        "folder/parts": (ProblemKind.NOT_READ, True),
    }


def test_find_keeps_two_tracks_of_one_name_apart(song: Write, tmp_path: Path) -> None:
    song(tmp_path / "train" / "A - B")
    song(tmp_path / "A_B")
    assert list(_names(_find(tmp_path))) == ["A - B", "A - B (2)"]


def test_missing_or_empty_folder_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        _find(tmp_path / "nowhere")
    with pytest.raises(UserError, match="has no multitrack in it"):
        _find(tmp_path)


def test_karaoke_clips_of_mir_1k_are_found(mir_1k: Path) -> None:
    collection = _find(mir_1k)
    assert len(collection.tracks) == 1000
    assert len({track.artist for track in collection.tracks}) == 19
    assert collection.problems == ()


def test_a_stem_of_any_name_is_read_or_named(song: Write, tmp_path: Path) -> None:
    song(tmp_path / "A - B", stems=("vocals", "bass", "drums"))
    drums = tmp_path / "A - B" / "drums.wav"
    run_ffmpeg("-i", drums, drums.with_suffix(".wv"))
    drums.unlink()
    (tmp_path / "A - B" / "bass.wav").rename(tmp_path / "A - B" / "bass")
    (tmp_path / "A - B" / "guitar.sd2").write_bytes(b"rubbish")
    (tmp_path / "__MACOSX" / "A - B").mkdir(parents=True)
    collection = _find(tmp_path)
    assert _names(collection) == {"A - B": ("A", "B", None, ("bass", "drums", "vocals"))}
    assert [(problem.stem, problem.problem, problem.used) for problem in collection.problems] == [
        ("guitar", ProblemKind.NOT_READ, True)
    ]
    assert "guitar.sd2" in collection.problems[0].detail
