"""The choice of the recordings of a job."""

from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.base.errors import UserError
from components.core.stores.opening import open_store
from components.separate.config import JobOptions
from components.separate.listing.manifest import format_manifest, read_manifest
from components.separate.listing.source_listing import list_recordings


def _touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (JobOptions(), ["a/1.wav", "a/2.flac", "b/3.wav"]),
        (JobOptions(include=("*.wav",)), ["a/1.wav", "b/3.wav"]),
        (JobOptions(include=("a/*", "b/*"), exclude=("*.flac",)), ["a/1.wav", "b/3.wav"]),
        (JobOptions(exclude=("*",)), []),
        (JobOptions(include=("[ab]/[12].*",)), ["a/1.wav", "a/2.flac"]),
    ],
)
def test_patterns_match_the_whole_key(tmp_path: Path, options: JobOptions, expected: list[str]) -> None:
    source = open_store(str(_touch(tmp_path / "in", "a/1.wav", "a/2.flac", "b/3.wav", "b/cover.jpg")))
    listing = list_recordings(source, open_store(str(tmp_path / "out")), options)
    assert [entry.key for entry in listing.entries] == expected


@pytest.mark.parametrize(
    "text",
    [
        "a.wav\nb.wav\n",
        "key\na.wav\nb.wav\n",
        "\ufeffseconds,key\r\n3,a.wav\r\n4,b.wav\r\n",
        "\ufeffkey;title\r\na.wav;x\r\nb.wav;y\r\n",
        'key\ttitle\r\n"a.wav"\tx\r\nb.wav\t"y\r\nz"\r\n',
        "Title|KEY\nx|a.wav\ny|b.wav\n",
        " key ,title\na.wav,x\nb.wav,y\n",
        'title,key\n"x, y",a.wav\n"z",b.wav\n\n',
        "# tonight\n# all of them\nkey,title\na.wav,x\nb.wav,y\n",
    ],
)
def test_manifest_is_lines_or_a_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "list").write_text(text, encoding="utf-8")
    assert read_manifest(str(tmp_path / "list")).keys == {"a.wav", "b.wav"}


@given(keys=st.sets(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1))
def test_manifest_of_any_keys_is_read_back(keys: set[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "list").write_bytes(format_manifest(sorted(keys)).encode())
        assert read_manifest(f"{folder}/list").keys == keys


@pytest.mark.parametrize(
    ("data", "says"), [(None, "does not exist"), (b"", "names no recording"), (b"\xff\xfe", "is not UTF-8 text")]
)
def test_damaged_manifest_is_a_user_error(tmp_path: Path, data: bytes | None, says: str) -> None:
    if data is not None:
        (tmp_path / "list").write_bytes(data)
    with pytest.raises(UserError, match=says):
        read_manifest(str(tmp_path / "list"))


def test_a_manifest_without_its_column_is_one_line(tmp_path: Path) -> None:
    source = open_store(str(_touch(tmp_path / "in", "a.wav")))
    (tmp_path / "list").write_text("name;title\na.wav;x\n")
    with pytest.raises(UserError, match="has no column 'key', and no line of it names a recording"):
        list_recordings(source, open_store(str(tmp_path / "out")), JobOptions(manifest=str(tmp_path / "list")))


def test_keys_that_the_source_lacks_are_counted(tmp_path: Path) -> None:
    source = open_store(str(_touch(tmp_path / "in", "a.wav", "c.wav")))
    (tmp_path / "list").write_text("a.wav\nb.wav\n")
    options = JobOptions(manifest=str(tmp_path / "list"))
    listing = list_recordings(source, open_store(str(tmp_path / "out")), options)
    assert ([entry.key for entry in listing.entries], listing.missing) == (["a.wav"], ["b.wav"])
    assert "1 keys of the manifest are not in the source ('b.wav')" in str(listing)


def test_line_that_begins_with_a_number_sign_is_a_comment_or_a_recording(tmp_path: Path) -> None:
    source = open_store(str(_touch(tmp_path / "in", "a.wav", "#1.wav", "b.wav")))
    (tmp_path / "list").write_text("# tonight\n#1.wav\na.wav\n#b.wav\n")
    listing = list_recordings(source, open_store(str(tmp_path / "out")), JobOptions(manifest=str(tmp_path / "list")))
    assert ([entry.key for entry in listing.entries], listing.missing) == (["#1.wav", "a.wav"], [])


def test_manifest_names_recordings_by_paths_below_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _touch(tmp_path / "in", "x/a.wav", "b.wav", "c.wav", "d.wav")
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    elsewhere = str(tmp_path / "other" / "d.wav")
    (tmp_path / "list").write_text(f"{tmp_path}/link/x/a.wav\n{folder}/b.wav\nlink/c.wav\n{elsewhere}\n")
    listing = list_recordings(open_store("link"), open_store("out"), JobOptions(manifest="list"))
    assert ([entry.key for entry in listing.entries], listing.missing) == (["b.wav", "c.wav", "x/a.wav"], [elsewhere])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_names_meet(tmp_path: Path, form: Literal["NFC", "NFD"]) -> None:
    name = normalize(form, "Björk/Jóga.wav")
    source = open_store(str(_touch(tmp_path / "in", name, "b.wav")))
    (tmp_path / "list").write_text(normalize("NFD" if form == "NFC" else "NFC", name), encoding="utf-8")
    for options in (JobOptions(manifest=str(tmp_path / "list")), JobOptions(include=("Bj\u00f6rk/*",))):
        listing = list_recordings(source, open_store(str(tmp_path / "out")), options)
        assert ([entry.key for entry in listing.entries], listing.missing) == ([name], [])


def test_what_is_passed_over_is_counted_and_named(tmp_path: Path) -> None:
    names = ("a.wav", "cover.jpg", ".b.wav", "__MACOSX/a.wav", ".Trash/c.wav", "x/@eaDir/a.wav/SYNO.mp3", "notes")
    source = open_store(str(_touch(tmp_path / "in", *names)))
    listing = list_recordings(source, open_store(str(tmp_path / "in" / "stems")), JobOptions())
    assert [entry.key for entry in listing.entries] == ["a.wav"]
    said = str(listing)
    for words in ("1 hidden (.b.wav)", "3 in system folders", "kind, .jpg (cover.jpg)", "without a suffix (notes)"):
        assert words in said
