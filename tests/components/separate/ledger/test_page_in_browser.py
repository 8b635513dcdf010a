"""The catalogue's page in a real browser: it finds, filters, sorts and plays, by mouse and by keyboard."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.separate.ledger.ledger_table import Row
from components.separate.ledger.page import PageHead, write_page
from components.separate.recording.spectrogram_picture import SpectrogramPicture
from tests.support.browser import WATCHED, Browser, browser
from tests.support.tiny_models import TARGETS, noise

pytestmark = pytest.mark.system

RATE, SECONDS = 44100, 20
FOUR = ("vocals", "drums", "bass", "other")
STRANGE = "real/\"A\" & 'B' <b id=injected>bold</b>/01 – Ça va?#50% 曲 أغنية.flac"
SUMMARY = PageHead("Back catalogue", "2026-11-25", "vocal-isolation, version 7", {"done": 950}, {"audio": "63 h"})


def open_page(tab: Browser, page: Path) -> None:
    """Open a file in a fresh page and wait for its list."""
    tab.ask("Page.navigate", url="about:blank")
    tab.complaints.clear()
    tab.ask("Page.navigate", url=page.resolve().as_uri())
    tab.wait("document.readyState === 'complete' && document.querySelector('.row') !== null")


def find(tab: Browser, words: str) -> None:
    """Replace the text in the search field."""
    tab.run("document.querySelector('#search').focus(); document.querySelector('#search').value = ''")
    tab.run("document.querySelector('#search').dispatchEvent(new Event('input'))")
    tab.ask("Input.insertText", text=words)
    tab.run("document.querySelector('#search').blur()")


def names(tab: Browser) -> list[str]:
    """Return the names of the visible rows, from top to bottom."""
    found: list[str] = tab.run("[...document.querySelectorAll('.row .name')].map((name) => name.textContent)")
    return found


def counts(tab: Browser) -> dict[str, int]:
    """Return the number beside each filter."""
    pairs = tab.run("[...document.querySelectorAll('#filters button')].map((b) => [b.value, b.lastChild.innerText])")
    return {name: int(count.replace(",", "")) for name, count in pairs}


def real_track(catalogue: Path, key: str, targets: tuple[str, ...], suffix: str, subtype: str = "PCM_16") -> Row:
    """Write stems and picture to `catalogue`/`key`."""
    folder = catalogue / key
    folder.mkdir(parents=True)
    stems = np.stack([noise(seed, SECONDS * RATE) for seed in range(len(targets))])
    for target, stem in zip(targets, stems, strict=True):
        soundfile.write(folder / f"{target}.{suffix}", stem.T, RATE, subtype=subtype)
    picture = SpectrogramPicture(targets, stems.shape[-1], RATE)
    picture.add(stems)
    picture.write(folder / "picture.png")
    names = {target: f"{target}.{suffix}" for target in targets}
    return Row(key=key, state="done", seconds=SECONDS, stems=names, picture="picture.png", figures={"peak_db": -20.0})


def listed_track(number: int) -> Row:
    """Return a track without files. Of fifty, two are quarantined, one failed and three are flagged."""
    key = f"album {number // 12:02d}/{number:03d} song.wav"
    track = Row(
        key=key,
        state="done",
        seconds=60.0 + number,
        stems={"vocals": "v.wav", "accompaniment": "a.wav"},
        model="vocal-isolation 7",
    )
    place = number % 50
    if place in (10, 20):
        return replace(track, state="quarantined", reason="no audio in it", stems={})
    if place == 30:
        return replace(track, state="failed", reason="the disk is full", stems={})
    figures = {"peak_db": -float(number), "vocals_share": (number * 7 % 100) / 100}
    return replace(track, flags=("vocals near silent",) if place in (1, 2, 3) else (), figures=figures)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of 1,000 tracks. Six have files: three play, two do not, and one plays in part."""
    folder = tmp_path_factory.mktemp("catalogue")
    flac = real_track(folder, STRANGE, TARGETS, "flac")
    wav = real_track(folder, "real/02 four.wav", FOUR, "wav")
    floats = real_track(folder, "real/03 float.wav", TARGETS, "wav", "FLOAT")
    aiff = real_track(folder, "unable/aiff.aiff", TARGETS, "aiff")
    damaged = real_track(folder, "unable/damaged.wav", TARGETS, "wav")
    partly = real_track(folder, "unable/partly.flac", TARGETS, "flac")
    for target in TARGETS:
        (folder / damaged.key / damaged.stems[target]).write_bytes(b"not audio at all")
    (folder / partly.key / partly.stems["vocals"]).unlink()
    unable = [aiff, damaged, partly]
    listed = [listed_track(number) for number in range(994)]
    write_page(folder / "index.html", SUMMARY, [*listed, flac, wav, floats, *unable])
    return folder / "index.html"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        for domain in ("Runtime", "Log", "Page"):
            opened.ask(f"{domain}.enable")
        opened.ask("Emulation.setDeviceMetricsOverride", width=1440, height=900, deviceScaleFactor=1, mobile=False)
        opened.ask("Page.addScriptToEvaluateOnNewDocument", source=WATCHED)
        yield opened


def play(tab: Browser, words: str) -> None:
    """Find a track and start it with its button in the list."""
    find(tab, words)
    tab.wait("document.querySelectorAll('.row').length === 1")
    tab.click(".row .mark")
    tab.wait("Number(document.querySelector('.seek').value) > 0.2")


def require_together(tab: Browser, stems: int) -> None:
    """Require that all stems play within 30 ms of each other; on a busy machine one reading may be late."""
    time.sleep(1)
    assert tab.run("open_ones().length") == stems
    assert tab.run("open_ones().every((audio) => !audio.paused)")
    tab.wait("spread() < 0.03")
    spreads = []
    for _ in range(5):
        time.sleep(0.1)
        spreads.append(tab.run("spread()"))
    assert sorted(spreads)[3] < 0.2, spreads


def test_page_lists_a_thousand_tracks_with_few_rows(tab: Browser, page: Path) -> None:
    open_page(tab, page)
    assert counts(tab) == {"all": 1000, "done": 940, "flagged": 60, "quarantined": 40, "failed": 20}
    assert tab.run("document.querySelectorAll('.row').length") < 60
    assert names(tab)[:2] == ["000 song.wav", "001 song.wav"]
    tab.run("document.querySelector('#list').scrollTop = 1e9")
    tab.wait("[...document.querySelectorAll('.row .name')].at(-1).textContent === 'partly.flac'")
    assert tab.run("open_ones().length + document.images.length") == 0  # players and pictures only on demand
    assert tab.complaints == []


def test_names_are_shown_as_text(tab: Browser, page: Path) -> None:
    open_page(tab, page)
    find(tab, "ca va")
    assert names(tab) == [STRANGE.rsplit("/")[-1]]
    tab.click(".row .name")
    assert tab.text(".panel h2") == STRANGE.rsplit("/")[-1]
    assert tab.run("document.querySelector('#injected')") is None
    tab.wait("document.images[0].complete && document.images[0].naturalWidth === 480")
    assert tab.complaints == []


def test_search_and_filters_choose_tracks(tab: Browser, page: Path) -> None:
    open_page(tab, page)
    tab.click("#filters [value=quarantined]")
    assert names(tab)[:3] == ["010 song.wav", "020 song.wav", "060 song.wav"]
    assert tab.text(".row .note") == "Quarantined: no audio in it"
    find(tab, "album 05/")
    assert counts(tab) == {"all": 12, "done": 10, "flagged": 0, "quarantined": 2, "failed": 0}
    assert names(tab) == ["060 song.wav", "070 song.wav"]
    tab.click(".row .name")
    assert tab.text(".callout") == "no audio in it"
    assert tab.run("document.querySelector('.play')") is None
    tab.click("#filters [value=failed]")
    assert names(tab) == []
    assert tab.text("#none") == "No track here has such a name."
    find(tab, "SONG 030 album")
    assert names(tab) == ["030 song.wav"]
    find(tab, "")
    tab.click("#filters [value=flagged]")
    assert names(tab)[:3] == ["001 song.wav", "002 song.wav", "003 song.wav"]
    assert tab.complaints == []


def test_flag_of_all_tracks_is_named_once(tab: Browser, tmp_path: Path) -> None:
    flags = [("stems alike (correlation 0.91)",), ("stems alike (correlation 0.88)", "nothing above 17 kHz")]
    tracks = [Row(key=f"{number}.wav", state="done", flags=flags[number % 2]) for number in range(3)]
    failed = Row(key="x.wav", state="failed", reason="the disk is full")
    write_page(tmp_path / "index.html", SUMMARY, [*tracks, failed])
    open_page(tab, tmp_path / "index.html")
    assert tab.text("#shared") == "All tracks: stems alike."
    assert counts(tab)["flagged"] == 1
    notes = tab.run("[...document.querySelectorAll('.row .note')].map((note) => note.textContent)")
    assert notes == ["", "nothing above 17 kHz", "", "Failed: the disk is full"]


def test_column_heads_do_not_overlap(tab: Browser, tmp_path: Path) -> None:
    stems = {"accompaniment": "a.wav", "anextraordinarilylongstem": "b.wav", "bass": "c.wav"}
    figures = {**{f"{stem}_share": 0.3 for stem in stems}, "distance": 1.0}
    write_page(tmp_path / "index.html", SUMMARY, [Row(key="a.wav", state="done", stems=stems, figures=figures)])
    open_page(tab, tmp_path / "index.html")
    wide = "[...document.querySelectorAll('#heads button')].filter((head) => head.scrollWidth > head.clientWidth)"
    assert tab.run(f"{wide}.map((head) => [head.textContent, head.scrollWidth, head.clientWidth])") == []
    assert tab.run("document.querySelectorAll('#heads .n').length") == 4


def test_sorting_orders_the_tracks(tab: Browser, page: Path) -> None:
    open_page(tab, page)
    tab.click("#heads button:last-child")
    assert names(tab)[0] == "993 song.wav"  # the longest first
    tab.click("#order")
    assert tab.run("[...document.querySelectorAll('.row .n:last-child')].slice(0, 7).map((n) => n.textContent)") == [
        *["0:20"] * 6,
        "1:00",
    ]
    tab.run("document.querySelector('#sort').value = '=peak_db'")
    tab.run("document.querySelector('#sort').dispatchEvent(new Event('change'))")
    assert names(tab)[:2] == ["000 song.wav", "001 song.wav"]
    assert tab.run("[...document.querySelectorAll('#heads button')].map((b) => b.textContent)") == [
        *("Name", "Vocals share", "Peak, dB", "Length")
    ]
    tab.run("document.querySelector('#list').scrollTop = 1e9")  # those without the figure are last
    tab.wait("document.querySelector('.row:last-child .note').textContent !== ''")
    tab.click("#order")
    assert names(tab)[:2] == ["993 song.wav", "992 song.wav"]
    assert tab.complaints == []


@pytest.mark.parametrize(("words", "stems"), [("ca va", 2), ("four", 4), ("float", 2)])
def test_stems_play_together(tab: Browser, page: Path, words: str, stems: int) -> None:
    open_page(tab, page)
    play(tab, words)
    require_together(tab, stems)
    assert tab.run("open_ones().every((audio) => !audio.muted)")

    tab.click(".seek", 0.5)
    tab.wait("Math.abs(Number(document.querySelector('.seek').value) - 10) < 1.5")
    require_together(tab, stems)

    before = tab.run("open_ones()[0].currentTime")
    tab.click(".choices button:nth-child(3)")  # the second stem
    assert tab.run("open_ones().map((audio) => audio.muted)") == [place != 1 for place in range(stems)]
    require_together(tab, stems)
    assert 0.5 < tab.run("open_ones()[0].currentTime") - before < 5  # the position was kept

    tab.click(".choices button:nth-child(1)")
    assert tab.run("open_ones().every((audio) => !audio.muted)")
    require_together(tab, stems)
    tab.click(".play")
    assert tab.run("open_ones().every((audio) => audio.paused)")
    assert tab.complaints == []


@pytest.mark.parametrize("off", [-0.15, 0.15, 3.0])
def test_stem_out_of_step_is_synchronised(tab: Browser, page: Path, off: float) -> None:
    open_page(tab, page)
    play(tab, "four")
    # in one script, since the page corrects it a moment later
    assert tab.run(f"open_ones()[2].currentTime += {off}, spread()") > abs(off) / 2
    calm = "(audio) => audio.playbackRate === 1 && !audio.muted && !audio.paused && !audio.seeking"
    tab.wait(f"spread() < 0.02 && open_ones().every({calm})")
    require_together(tab, 4)
    assert tab.complaints == []


def test_click_into_the_picture_seeks(tab: Browser, page: Path) -> None:
    open_page(tab, page)
    play(tab, "ca va")
    tab.click(".picture", 0.75)
    tab.wait("Math.abs(Number(document.querySelector('.seek').value) - 15) < 1.5")
    require_together(tab, 2)
    assert tab.complaints == []


def test_player_returns_to_the_start_at_the_end(tab: Browser, page: Path) -> None:
    open_page(tab, page)
    play(tab, "ca va")
    tab.click(".seek", 0.98)
    tab.wait("document.querySelector('.play').getAttribute('aria-pressed') === 'false'")
    assert tab.text(".time") == "0:00 / 0:20"
    assert tab.run("open_ones().every((audio) => audio.paused)")
    tab.click(".play")
    tab.wait("Number(document.querySelector('.seek').value) > 0.2")
    require_together(tab, 2)
    assert tab.complaints == []


def test_player_plays_one_track_at_a_time(tab: Browser, page: Path) -> None:
    open_page(tab, page)
    play(tab, "ca va")
    find(tab, "float")
    tab.click(".row .name")  # the player goes on with a track that is chosen while another one plays
    tab.wait("document.querySelector('.panel h2').textContent === '03 float.wav'")
    tab.wait("Number(document.querySelector('.seek').value) > 0.2")
    assert tab.run("made.length") == 4
    assert tab.run("made.filter((audio) => !audio.paused).length") == 2
    require_together(tab, 2)
    find(tab, "060")
    tab.click(".row .name")  # nothing to play here
    assert tab.run("made.every((audio) => audio.paused)")
    assert tab.complaints == []


def test_keyboard_controls_the_page(tab: Browser, page: Path) -> None:
    open_page(tab, page)
    tab.press("/")
    tab.ask("Input.insertText", text="real")
    tab.press("Enter")
    assert tab.text(".panel h2") == STRANGE.rsplit("/")[-1]
    tab.press("ArrowDown")
    assert tab.text(".panel h2") == "02 four.wav"
    tab.press(" ")
    tab.wait("open_ones().length === 4 && open_ones().every((audio) => !audio.paused && audio.currentTime > 0.2)")
    tab.press("2")
    assert tab.run("open_ones().map((audio) => audio.muted)") == [False, True, True, True]
    tab.press("ArrowRight")
    tab.press("ArrowRight")
    tab.wait("open_ones().every((audio) => audio.currentTime > 10)")
    tab.press("ArrowLeft")
    tab.wait("open_ones().every((audio) => audio.currentTime < 10)")
    tab.press("ArrowDown")
    tab.wait("open_ones().length === 2 && open_ones().every((audio) => !audio.paused)")
    assert tab.text(".panel h2") == "03 float.wav"
    assert tab.run("open_ones().map((audio) => audio.muted)") == [False, True]  # the vocals still play
    tab.press(" ")
    assert tab.run("open_ones().every((audio) => audio.paused)")
    tab.press("Home")
    assert tab.text(".panel h2") == STRANGE.rsplit("/")[-1]
    tab.press("Escape")
    assert tab.run("document.querySelector('.panel h2')") is None
    assert tab.complaints == []


def test_space_bar_pauses_after_a_click_on_a_button(tab: Browser, page: Path) -> None:
    open_page(tab, page)
    play(tab, "float")
    tab.click(".choices button:nth-child(2)")
    tab.press(" ")
    assert tab.run("open_ones().every((audio) => audio.paused)")
    assert tab.run("open_ones().map((audio) => audio.muted)") == [False, True]
    assert tab.complaints == []


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("aiff", "Cannot play vocals and accompaniment: this browser does not know .aiff files."),
        (
            "damaged",
            "Cannot play vocals and accompaniment: missing, damaged, or of a kind that this browser does not know.",
        ),
    ],
)
def test_unplayable_stem_is_reported(tab: Browser, page: Path, words: str, fault: str) -> None:
    open_page(tab, page)
    find(tab, words)
    tab.click(".row .mark")
    tab.wait("document.querySelector('.fault').hidden === false")
    tab.wait(f"document.querySelector('.fault').textContent === {json.dumps(fault)}")
    tab.wait("document.querySelector('.play').getAttribute('aria-pressed') === 'false'")


def test_missing_stem_stops_no_other(tab: Browser, page: Path) -> None:
    open_page(tab, page)
    play(tab, "partly")
    words = tab.text(".fault")
    assert words.startswith("Cannot play vocals: missing")
    assert words.endswith("You hear the rest without it.")
    assert tab.run("made.map((audio) => [audio.paused, audio.muted])")[1] == [False, False]


def test_track_can_be_closed_on_a_narrow_screen(tab: Browser, page: Path) -> None:
    tab.ask("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True)
    try:
        open_page(tab, page)
        assert tab.run("document.documentElement.scrollWidth") <= 390
        find(tab, "ca va")
        tab.click(".row .name")
        assert tab.run("document.querySelector('.play').getBoundingClientRect().bottom") < 844
        assert tab.run("document.documentElement.scrollWidth") <= 390
        tab.click(".close")
        assert not tab.run("document.querySelector('.panel').checkVisibility()")
        assert tab.complaints == []
    finally:
        tab.ask("Emulation.setDeviceMetricsOverride", width=1440, height=900, deviceScaleFactor=1, mobile=False)
