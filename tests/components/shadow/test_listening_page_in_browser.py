"""The listening page in a real browser: it plays, switches models, and writes answers for `unblind`."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components.shadow.candidates import Candidate
from components.shadow.config import ShadowConfig
from components.shadow.key import Answers, Key
from components.shadow.shadow import shadow
from components.shadow.unblind import unblind
from tests.support.browser import WATCHED, Browser, browser

pytestmark = pytest.mark.system

HEARD = "made.filter((audio) => !audio.paused && !audio.muted).map((audio) => audio.src.split('/').slice(-2).join('/'))"
POSITION = "made.find((audio) => !audio.paused && !audio.muted).currentTime"
FIRST, SECOND = "#recordings section:nth-child(1)", "#recordings section:nth-child(2)"


@pytest.fixture(scope="module")
def folder(pair: tuple[Candidate, Candidate], catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("listening")
    shadow(ShadowConfig(source="", recordings=2, seconds=60.0, seed=7, wait_hours=1.0), pair, str(catalogue), out)
    return out


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        for domain in ("Runtime", "Log", "Page"):
            opened.ask(f"{domain}.enable")
        opened.ask("Emulation.setDeviceMetricsOverride", width=1200, height=3000, deviceScaleFactor=1, mobile=False)
        opened.ask("Page.addScriptToEvaluateOnNewDocument", source=WATCHED)
        yield opened


def show(tab: Browser, folder: Path) -> None:
    tab.ask("Page.navigate", url="about:blank")
    tab.complaints.clear()
    tab.ask("Page.navigate", url=(folder / "page" / "index.html").resolve().as_uri())
    tab.wait("document.readyState === 'complete' && document.querySelectorAll('section[data-recording]').length === 2")


def test_switching_models_keeps_the_position(tab: Browser, folder: Path) -> None:
    show(tab, folder)
    tab.click(f"{FIRST} .play")
    tab.wait(f"{HEARD}.length === 1 && {POSITION} > 1")
    assert tab.run(HEARD) == ["01/mixture.flac"]
    acts: dict[str, Callable[[], None]] = {
        "01/vocals.A.flac": lambda: tab.click(f"{FIRST} [data-sound='vocals.A']"),
        "01/vocals.B.flac": lambda: tab.press("b"),
        "01/accompaniment.B.flac": lambda: tab.press("2"),
        "01/accompaniment.A.flac": lambda: tab.press("a"),
        "01/mixture.flac": lambda: tab.press("m"),
    }
    for heard, act in acts.items():
        before, began = tab.run(POSITION), time.monotonic()
        act()
        assert tab.run(HEARD) == [heard]
        # it went on at the same position
        assert -0.1 < tab.run(POSITION) - before < time.monotonic() - began + 0.3
        assert tab.run(f"document.querySelector('{FIRST} [aria-pressed=true]').dataset.sound") in heard
    tab.press(" ")
    assert tab.run(HEARD) == []
    assert tab.text(f"{FIRST} .play") == "Play"
    assert tab.complaints == []


def test_only_one_recording_plays_and_arrows_seek(tab: Browser, folder: Path) -> None:
    show(tab, folder)
    tab.click(f"{FIRST} .play")
    tab.wait(f"{HEARD}.length === 1")
    tab.click(f"{SECOND} .play")
    tab.wait(f"{HEARD}[0] === '02/mixture.flac' && {HEARD}.length === 1")
    tab.press("m")
    tab.press("ArrowRight")
    tab.wait(f"{POSITION} > 5")
    tab.wait(f"document.querySelector('{SECOND} .play').textContent === 'Play'")  # to its end
    assert tab.complaints == []


def test_answers_are_what_was_chosen_and_outlive_a_reload(tab: Browser, folder: Path) -> None:
    show(tab, folder)
    tab.run("localStorage.clear(); location.reload()")
    show(tab, folder)
    assert tab.text("#count") == "0 of 2 recordings answered"
    tab.click(f"{FIRST} input[value='B']")
    tab.run(f"document.querySelector('{FIRST} textarea').focus()")
    tab.ask("Input.insertText", text='less "hiss", <b>ça va</b>')
    tab.click(f"{SECOND} input[value='cannot tell']")
    tab.run("document.querySelector('#listener').focus()")
    tab.ask("Input.insertText", text="Ada")
    text = tab.run("document.querySelector('#answers').value")
    key = Key.read(folder)
    assert json.loads(text) == {
        "page": key.page,
        "listener": "Ada",
        "answers": [
            {"recording": "01", "choice": "B", "comment": 'less "hiss", <b>ça va</b>'},
            {"recording": "02", "choice": "cannot tell", "comment": ""},
        ],
    }
    assert "\n" not in text
    saved = tab.run("decodeURIComponent(document.querySelector('#save').href.split(',').slice(1).join(','))")
    assert saved == text + "\n"
    (folder / "answers.json").write_text(saved, encoding="utf-8")
    found = unblind(key, Answers.read_file(folder / "answers.json"), "answers.json")
    assert found.counts[key.recordings["01"].roles["B"]] == 1
    show(tab, folder)
    assert tab.run("document.querySelector('#answers').value") == text
    assert tab.text("#count") == "2 of 2 recordings answered"
    assert tab.complaints == []


def test_page_loads_only_sounds(tab: Browser, folder: Path) -> None:
    show(tab, folder)
    tab.wait("made.every((audio) => audio.readyState >= 3)")
    sources = tab.run(
        "made.map((audio) => audio.src).concat(performance.getEntriesByType('resource').map((e) => e.name))"
    )
    assert sources
    assert [source for source in sources if not source.endswith(".flac") and not source.startswith("data:")] == []
    html = tab.run("document.documentElement.outerHTML")
    assert not any(word in html for word in ("challenger", "champion", "key.json"))


def test_page_works_with_screen_reader_keyboard_and_dark_mode(tab: Browser, folder: Path) -> None:
    show(tab, folder)
    unnamed = tab.run(
        "[...document.querySelectorAll('input, textarea, button')].filter((node) =>"
        " !(node.ariaLabel || node.textContent || node.labels?.length)).map((node) => node.outerHTML)"
    )
    assert unnamed == []
    tab.run(f"document.querySelector('{FIRST} input[value=A]').focus()")
    tab.press(" ")
    assert tab.run(f"document.querySelector('{FIRST} input:checked').value") == "A"
    light = tab.run("getComputedStyle(document.body).backgroundColor")
    tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert tab.run("getComputedStyle(document.body).backgroundColor") != light


def test_page_reports_a_missing_sound(tab: Browser, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_bytes((folder / "page" / "index.html").read_bytes())
    show(tab, tmp_path)
    tab.wait(f"document.querySelector('{FIRST} .fault').textContent.startsWith('A sound is missing')")
