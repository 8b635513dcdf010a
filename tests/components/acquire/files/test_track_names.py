"""Names from outside become comparable, printable and safe."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.acquire.files.track_names import (
    artist_and_title,
    clean_name,
    fold_name,
    number_duplicates,
    safe_name,
    safe_names,
)


@pytest.mark.parametrize(
    ("name", "artist", "title"),
    [
        ("PR - Oh No", "PR", "Oh No"),
        ("Ani_1_01", "Ani", "1_01"),
        ("A_B - C", "A_B", "C"),
        ("宇多田ヒカル - 光", "宇多田ヒカル", "光"),
        ("Solo", "Solo", "Solo"),
        ("_hidden", "_hidden", "_hidden"),
    ],
)
def test_split_name_returns_artist_and_title(name: str, artist: str, title: str) -> None:
    assert artist_and_title(name) == (artist, title)


def test_artist_key_joins_the_spellings_of_an_artist() -> None:
    decomposed = unicodedata.normalize("NFD", "Björk  Guðmundsdóttir")
    assert fold_name(decomposed) == fold_name("BJÖRK Guðmundsdóttir ")


def test_clean_accepts_names_that_are_not_utf8() -> None:
    assert clean_name("a\udcff\nb") == "a? b"


def test_safe_names_keep_scripts_and_differ_by_more_than_case() -> None:
    names = ["Песня", "歌", "song", "SONG", "a/b", "a:b", "..", "x" * 300]
    safe = safe_names(names)
    assert safe["Песня"] == "Песня"
    assert len({name.casefold() for name in safe.values()}) == len(names)
    assert all("/" not in name and ":" not in name and len(name.encode()) < 200 for name in safe.values())
    assert not safe[".."].startswith(".")


@given(st.lists(st.text(max_size=40), unique=True, max_size=8))
def test_safe_names_are_valid_and_unique_file_names(names: list[str]) -> None:
    safe = safe_names(names)
    assert len({unicodedata.normalize("NFC", name).casefold() for name in safe.values()}) == len(names)
    for name in safe.values():
        assert name not in {"", ".", ".."}
        assert not set(name) & set('/\\:*?"<>|\0\n')
        assert len(name.encode()) <= 200


@given(st.text(max_size=40))
def test_safe_name_is_stable(name: str) -> None:
    assert safe_name(name) == safe_name(name)


def test_number_duplicates_numbers_repeated_names() -> None:
    assert number_duplicates(["a", "a", "b", "a"]) == ["a", "a (2)", "b", "a (3)"]
