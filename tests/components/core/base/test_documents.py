"""Documents are read back as written, and an unreadable file is one line with a remedy."""

import json
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, ValidationError

from components.core.base.documents import Document
from components.core.base.errors import UserError


class _Song(Document):
    FORMAT: ClassVar[int] = 2
    FILE: ClassVar[str] = "song.json"
    REMEDY: ClassVar[str] = "write another song"

    title: str
    parts: tuple[int, ...] = ()
    heard: str = Field(default="", exclude=True)


def test_document_is_read_back_equal_and_frozen(tmp_path: Path) -> None:
    song = _Song(title="Ğ歌", parts=(1, 2))
    song.write(tmp_path)
    assert _Song.read(tmp_path) == song
    with pytest.raises(ValidationError):
        song.title = "other"  # type: ignore[misc]


def test_document_is_sorted_json_with_a_format_version(tmp_path: Path) -> None:
    _Song(title="歌", heard="yesterday").write(tmp_path)
    text = (tmp_path / "song.json").read_text(encoding="utf-8")
    assert text == '{\n  "format_version": 2,\n  "parts": [],\n  "title": "歌"\n}\n'


@pytest.mark.parametrize("version", [{}, {"format_version": 1}, {"format_version": 2}])
def test_read_accepts_this_and_older_formats(version: dict[str, int]) -> None:
    assert _Song.parse(json.dumps({"title": "a", **version}), "here") == _Song(title="a")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"{", "is damaged (not valid JSON): write another song"),
        (b"\xff{}", "is damaged (not valid JSON): write another song"),
        (b"[]", "is damaged (not a JSON object): write another song"),
        (b"{}", "is damaged (title: Field required): write another song"),
        (b'{"title": 7}', "is damaged (title: Input should be a valid string): write another song"),
        (b'{"title": "a", "artist": "b"}', "is damaged (artist: Extra inputs are not permitted): write another song"),
        (b'{"title": "a", "format_version": 3}', "was written by a newer Stemline (format 3): update this one"),
    ],
)
def test_damaged_document_is_a_user_error(tmp_path: Path, text: bytes, problem: str) -> None:
    (tmp_path / "song.json").write_bytes(text)
    with pytest.raises(UserError) as error:
        _Song.read(tmp_path)
    assert str(error.value) == f"{tmp_path / 'song.json'} {problem}"


def test_missing_document_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"song\.json does not exist: write another song$"):
        _Song.read(tmp_path)
