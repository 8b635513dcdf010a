"""The catalogue's page: its content, with any names and numbers."""

import json
import re
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.separate.ledger.ledger_table import Row
from components.separate.ledger.page import PageHead, write_page

HEAD = PageHead("Back catalogue", "2026-11-25", "vocal-isolation, version 7", {"done": 1200}, {"audio": "63 h"})
TRACK = Row(
    key="albums/song #1.flac",
    state="done",
    seconds=241.5,
    sha256="50urce",
    model="vocal-isolation 7",
    model_sha256="m0del",
    code="c0de",
    stems={"vocals": "vocals.flac", "accompaniment": "accompaniment.flac"},
    picture="picture.png",
    flags=("vocals near silent",),
    figures={"peak_db": -0.3, "vocals_share": 0.25, "accompaniment_share": 0.75},
)
NASTY = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]> & \"quoted\" 'too'",
    "曲 أغنية – Ça va?#50%",
    "line\u2028break\n\ttab\\",
    "{{ 7 * 7 }} {% raw %}",
)


class Page(HTMLParser):
    """The page as a browser's parser sees it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.tracks: list[dict[str, Any]] = json.loads(self.scripts[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data


def page_of(folder: Path, *tracks: Row, head: PageHead = HEAD) -> Page:
    write_page(folder / "index.html", head, tracks)
    return Page(folder / "index.html")


def test_page_holds_the_rows_in_their_order(tmp_path: Path) -> None:
    failed = Row(key="b.wav", state="failed", reason="out of memory")
    page = page_of(tmp_path, TRACK, failed)
    folder = "albums/song%20%231.flac"
    assert [track["key"] for track in page.tracks] == [TRACK.key, "b.wav"]
    assert page.tracks[0] == {
        "key": TRACK.key,
        "state": "done",
        "reason": "",
        "seconds": 241.5,
        "stems": {"vocals": f"{folder}/vocals.flac", "accompaniment": f"{folder}/accompaniment.flac"},
        "lanes": ["vocals", "accompaniment"],
        "picture": f"{folder}/picture.png",
        "flags": ["vocals near silent"],
        "figures": {"vocals_share": 0.25, "peak_db": -0.3},
        "details": {
            "source SHA-256": "50urce",
            "model": "vocal-isolation 7",
            "model SHA-256": "m0del",
            "code": "c0de",
            "provenance": f"{TRACK.key}/provenance.json",
        },
    }
    assert list(page.tracks[0]["stems"]) == ["vocals", "accompaniment"]
    assert list(page.tracks[0]["figures"]) == ["vocals_share", "peak_db"]
    assert page.tracks[1]["reason"] == "out of memory"
    assert page.tracks[1]["details"] == {}


def test_vocals_come_first_and_the_lanes_keep_the_order_of_the_picture(tmp_path: Path) -> None:
    names = ("drums", "other", "vocals")
    figures = {f"{name}_share": 0.3 for name in names}
    track = replace(TRACK, stems={name: f"{name}.wav" for name in names}, figures=figures)
    [shown] = page_of(tmp_path, track).tracks
    assert list(shown["stems"]) == ["vocals", "drums", "other"]
    assert shown["lanes"] == ["drums", "other", "vocals"]
    assert list(shown["figures"]) == ["vocals_share", "drums_share"]


def test_head_gives_the_counts(tmp_path: Path) -> None:
    text = page_of(tmp_path, TRACK).text
    for words in ("Back catalogue", "2026-11-25", "vocal-isolation, version 7", "1,200", "63 h"):
        assert words in text


def test_page_can_have_no_tracks(tmp_path: Path) -> None:
    assert page_of(tmp_path).tracks == []


@pytest.mark.parametrize("text", NASTY)
def test_text_is_escaped(tmp_path: Path, text: str) -> None:
    plain = page_of(tmp_path, TRACK).tags
    track = Row(
        key=text, state="done", reason=text, stems={text: text}, picture=text, flags=(text,), figures={text: 1.0},
        model=text,
    )  # fmt: skip
    page = page_of(tmp_path, track, head=PageHead(text, text, text, {text: 1}, {text: text}))
    assert [tag for tag in page.tags if tag in ("script", "b", "img")] == [tag for tag in plain if tag == "script"]
    assert page.tracks[0]["key"] == text
    assert page.tracks[0]["details"]["model"] == text
    assert page.text.count(text) >= 5


@settings(max_examples=50, deadline=None)
@given(text=st.text())
def test_names_are_read_back_unchanged(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    page = page_of(tmp_path_factory.mktemp("page"), replace(TRACK, key=text))
    assert page.tracks[0]["key"] == text


def test_name_that_is_not_utf8_has_question_marks(tmp_path: Path) -> None:
    name = b"caf\xe9.wav".decode("utf-8", "surrogateescape")
    summary = replace(HEAD, title=name)
    page = page_of(tmp_path, replace(TRACK, key=name), head=summary)
    assert page.tracks[0]["key"] == "caf?.wav"
    assert "caf?.wav" in page.text


def test_numbers_that_json_lacks_become_null(tmp_path: Path) -> None:
    figures = {"a_db": float("-inf"), "b_db": float("inf"), "c_db": float("nan"), "d_db": 1 / 3}
    page = page_of(tmp_path, replace(TRACK, figures=figures, seconds=float("nan")))
    # the page reads these words with Number()
    assert page.tracks[0]["figures"] == {"a_db": "-Infinity", "b_db": "Infinity", "c_db": None, "d_db": 0.333333}
    assert page.tracks[0]["seconds"] is None


def test_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    page = page_of(tmp_path, TRACK)
    assert page.links == ["data:,"]
    code = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\s\"')]+", code)) <= {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in code


def test_same_tracks_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_page(tmp_path / name, HEAD, [TRACK, replace(TRACK, key="b")])
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_failed_page_leaves_the_old_one(tmp_path: Path) -> None:
    page_of(tmp_path, TRACK)
    before = (tmp_path / "index.html").read_bytes()

    def broken() -> Iterator[Row]:
        yield TRACK
        raise OSError("the ledger's disk is gone")

    with pytest.raises(OSError, match="ledger"):
        write_page(tmp_path / "index.html", HEAD, broken())
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_bytes() == before


@pytest.mark.slow
def test_memory_does_not_grow_with_the_catalogue(tmp_path: Path) -> None:
    page_of(tmp_path, TRACK)  # the template is compiled once
    peaks = []
    for count in (500, 5000):
        tracemalloc.start()
        write_page(tmp_path / "index.html", HEAD, (replace(TRACK, key=f"{number}.wav") for number in range(count)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert len(Page(tmp_path / "index.html").tracks) == 5000
    assert peaks[1] < 1.3 * peaks[0]
