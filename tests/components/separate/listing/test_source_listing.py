"""Which recordings a job is about."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.base.errors import UserError
from components.core.stores.opening import open_store
from components.separate.config import JobOptions
from components.separate.listing.source_listing import format_manifest, list_recordings, read_manifest


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
    "text", ["a.wav\nb.wav\n", "key\na.wav\nb.wav\n", "\ufeffseconds,key\r\n3,a.wav\r\n4,b.wav\r\n"]
)
def test_manifest_is_lines_or_a_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "list").write_text(text, encoding="utf-8")
    assert read_manifest(str(tmp_path / "list")) == {"a.wav", "b.wav"}


@given(keys=st.sets(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1))
def test_manifest_of_any_keys_is_read_back(keys: set[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "list").write_bytes(format_manifest(sorted(keys)).encode())
        assert read_manifest(f"{folder}/list") == keys


@pytest.mark.parametrize(
    ("data", "says"), [(None, "does not exist"), (b"", "names no recording"), (b"\xff\xfe", "is not UTF-8 text")]
)
def test_damaged_manifest_is_a_user_error(tmp_path: Path, data: bytes | None, says: str) -> None:
    if data is not None:
        (tmp_path / "list").write_bytes(data)
    with pytest.raises(UserError, match=says):
        read_manifest(str(tmp_path / "list"))
