"""The page: what is on it, what becomes of strange names and missing files, and that a browser can play from it."""

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile

from components.core.files import digest_folder, write_json, write_text
from components.report import __main__ as program
from components.report import recordings
from components.report.curves import ticks
from components.report.outline import BARS, draw, measure
from components.report.report import decibels, write_report

RATE = 8000
STRANGE = "albums/\"A\" & 'B' <script>alert(1)</script>/01 – Ça va?#50% 曲 أغنية.flac"
PARTS = ("register", "evaluate", "train", "acquire", "separate")


def make_workspace(folder: Path) -> Path:
    """Write what a finished run leaves behind, as far as the page reads it."""
    write_json(
        folder / "gate" / "verdict.json",
        {
            "name": "vocal-isolation",
            "version": 3,
            "passed": True,
            "rule": "first champion",
            "reasons": ["vocals: +9.41 dB SDR over the mixture (median of 2 tracks)", "<b>bold</b>"],
        },
    )
    version = {"name": "vocal-isolation", "version": 3, "run_id": "run0123", "sha256": "ab" * 32}
    write_json(folder / "register" / "version.json", version)
    write_text(
        folder / "evaluate" / "table.csv",
        "system,target,SDR,ISR,SIR,SAR,tracks,unscored,frames,nan_frames\n"
        "model,vocals,4.03,7.1,9.2,5.5,2,0,14,3\n"
        "mixture,vocals,-5.38,20.0,-5.1,40.0,2,0,14,3\n"
        "irm2,vocals,9.9,17.0,19.0,,2,1,14,3\n",
    )
    write_json(folder / "evaluate" / "test.json", {"tracks": ["a", "b"], "datasets": ["musdb18-7s"]})
    write_text(folder / "evaluate" / "pictures" / "SDR.png", "")
    write_text(folder / "evaluate" / "pictures" / "spectrograms.png", "")
    rows = "100,0.09,-3.1,5.1\n200,0.05,2.2,7.3\n300,0.04,2.1,7.1\n"
    write_text(folder / "train" / "curves.csv", "step,loss,vocals_sdr,accompaniment_sdr\n" + rows)
    summary = {
        "tracks": {"train": 80, "validation": 12, "test": 25},
        "artists": {"train": 70, "validation": 11, "test": 23},
        "minutes": {"train": 9.3, "validation": 1.4, "test": 2.9},
        "datasets": {"demo": {"train": 80, "validation": 12, "test": 25}},
        "left_out": {"tracks": 2, "silent": 2},
        "warnings": {"wrong_length": 4},
    }
    write_json(folder / "acquire" / "summary.json", summary)
    write_text(
        folder / "acquire" / "problems.csv",
        "track,dataset,stem,problem,detail,used\n"
        "<i>NA</i>,demo,vocals,silent,no sound,False\n"
        "other,demo,,clipped,,True\n",
    )
    for key in ("song.wav", STRANGE):
        make_recording(folder / "separate" / key, key)
    return folder


def make_recording(folder: Path, key: str, subtype: str = "PCM_16", seconds: float = 4.0) -> None:
    """Write a separated recording: two stems and their provenance."""
    folder.mkdir(parents=True, exist_ok=True)
    time_axis = np.arange(int(RATE * seconds)) / RATE
    for name, hertz in (("vocals", 330), ("accompaniment", 110)):
        soundfile.write(folder / f"{name}.wav", 0.3 * np.sin(2 * np.pi * hertz * time_axis), RATE, subtype)
    provenance = {
        "source": {"key": key, "sha256": "5c" * 32, "rate": RATE, "channels": 1, "subtype": subtype, "streams": 1},
        "model": {
            "name": "vocal-isolation",
            "version": 3,
            "sha256": "ab" * 32,
            "run_id": "run0123",
            "git_commit": "c1",
        },
        "stems": {name: {"file": f"{name}.wav", "sha256": "00" * 32} for name in ("accompaniment", "vocals")},
        "code": "c2-dirty",
    }
    write_json(folder / "provenance.json", provenance)


class Page(HTMLParser):
    """The page as a browser sees it: its text, its tags, and what they point to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.tags: list[str] = []
        self.links: list[str] = []
        self._texts: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.text = re.sub(r"\s+", " ", " ".join(self._texts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href") and value is not None]

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    @property
    def files(self) -> list[Path]:
        """The files that the page points to."""
        outside = [link for link in self.links if not link.startswith(("#", "data:"))]
        return [self.path.parent / unquote(link) for link in outside]


def page_of(workspace: Path) -> Page:
    return Page(write_report(workspace, workspace / "separate", workspace / "report"))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "workspace")


def test_page_tells_the_run(workspace: Path) -> None:
    page = page_of(workspace)
    expected = (
        *("Version 3 of vocal-isolation is the champion", "first champion", "+9.41 dB"),
        *("4.03", "−5.38", "9.90", "–", "62 % of the way", "2 of 3", "3 of 14", "2 test tracks of MUSDB18-7 (7-second"),
        *("The model is that of step 200", "vocals 2.10 dB at the end", "loss 0.04000 at the end"),
        *("80", "2.9", "2 tracks left out", "vocals: silent; no sound", "1 more are in acquire/problems.csv"),
        *("4 × wrong length", "2 separated recordings", "song.wav", "0:04", "run0123", "5c" * 32, "c2-dirty"),
        f"mlflow ui --backend-store-uri sqlite:///{workspace}/mlflow/mlflow.db",
        f"PREFECT_HOME={workspace}/prefect .venv/bin/prefect server start",
    )
    for text in expected:
        assert text in page.text, text
    assert page.tags.count("audio") == 4
    assert page.tags.count("polyline") == 3
    assert page.tags.count("img") == 2


def test_strange_names_are_text_and_their_links_lead_to_files(workspace: Path) -> None:
    page = page_of(workspace)
    assert STRANGE in page.text
    assert "<b>bold</b>" in page.text
    assert "<i>NA</i>" in page.text
    assert page.tags.count("script") == 1
    assert "i" not in page.tags
    assert len(page.files) == 4 * 2 + 2 * 2
    assert all(path.is_file() for path in page.files)


def test_page_needs_nothing_from_outside(workspace: Path) -> None:
    page = page_of(workspace)
    assert not re.findall(r"(?:https?:)?//[\w.]+\.\w+", page.source)
    assert all(not link.startswith("/") for link in page.links)


def test_workspace_can_be_moved(workspace: Path, tmp_path: Path) -> None:
    page_of(workspace)
    moved = workspace.rename(tmp_path / "moved elsewhere")
    assert all(path.is_file() for path in Page(moved / "report" / "index.html").files)


def test_links_hold_when_the_folder_is_reached_by_a_link(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    out = tmp_path / "out"
    out.symlink_to(tmp_path / "deep" / "er")
    page = Page(write_report(workspace, workspace / "separate", out))
    assert all((out.resolve() / path.relative_to(out)).is_file() for path in page.files)


def test_same_files_give_the_same_bytes(workspace: Path) -> None:
    first = write_report(workspace, workspace / "separate", workspace / "report").read_bytes()
    before = digest_folder(workspace)
    assert write_report(workspace, workspace / "separate", workspace / "report").read_bytes() == first
    assert digest_folder(workspace) == before


def test_a_page_that_fails_leaves_the_old_one(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = write_report(workspace, workspace / "separate", workspace / "report")
    before = page.read_bytes()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("no room")))
    with pytest.raises(OSError, match="no room"):
        write_report(workspace, workspace / "separate", workspace / "report")
    assert page.read_bytes() == before
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]


def test_nothing_there_is_a_page_of_plain_sentences(tmp_path: Path) -> None:
    text = page_of(tmp_path / "nowhere").text
    for step in PARTS:
        assert re.search(rf"[^.]*\b{step} (and gate have|has) not run", text), step
    assert "mlflow ui" in text


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("evaluate/table.csv", "There are no scores yet"),
        ("evaluate/pictures", "There are no pictures yet"),
        ("evaluate/test.json", "What they were measured on is not known"),
        ("train", "There are no training curves yet"),
        ("acquire/summary.json", "Nothing is known of the data"),
        ("separate", "There is no separated recording"),
        ("gate", "Version 3 of vocal-isolation is registered"),
        ("register", "Version 3 of vocal-isolation is the champion"),
        ("acquire/problems.csv", "2 more are in acquire/problems.csv"),
    ],
)
def test_each_part_may_be_missing(workspace: Path, missing: str, sentence: str) -> None:
    path = workspace / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert sentence in page_of(workspace).text


@pytest.mark.parametrize(
    "damaged",
    ["gate/verdict.json", "evaluate/table.csv", "evaluate/test.json", "train/curves.csv", "acquire/summary.json"],
)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b'{"a": 1}', b"step\n", b"system,target\n"])
def test_a_damaged_file_stops_no_page(workspace: Path, damaged: str, content: bytes) -> None:
    (workspace / damaged).write_bytes(content)
    assert "Open MLflow and Prefect" in page_of(workspace).text


def test_refusal_says_who_stays(workspace: Path) -> None:
    path = workspace / "gate" / "verdict.json"
    verdict = json.loads(path.read_text(encoding="utf-8")) | {"passed": False}
    write_json(path, verdict | {"rule": "against champion 2"})
    text = page_of(workspace).text
    assert "Version 3 of vocal-isolation was refused" in text
    assert "The champion is still version 2." in text
    write_json(path, verdict)
    assert "There is no champion yet." in page_of(workspace).text


def test_verdict_on_an_older_version_makes_no_champion_of_the_new_one(workspace: Path) -> None:
    path = workspace / "register" / "version.json"
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | {"version": 4})
    text = page_of(workspace).text
    assert "Version 4 of vocal-isolation is registered" in text
    assert "last verdict is on version 3, which passed" in text


def test_broken_recordings_are_counted_and_shown_as_far_as_they_go(workspace: Path) -> None:
    write_text(workspace / "separate" / "damaged.wav" / "provenance.json", "{")
    (workspace / "separate" / "song.wav" / "vocals.wav").write_bytes(b"no audio")
    (workspace / "separate" / STRANGE / "vocals.wav").unlink()
    text = page_of(workspace).text
    assert "1 more cannot be shown" in text
    assert "cannot be read" in text
    assert "The file is not there." in text


def test_provenance_links_nothing_outside_its_folder(workspace: Path) -> None:
    path = workspace / "separate" / "song.wav" / "provenance.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["stems"] = {"vocals": {"file": "../../gate/verdict.json"}, "x": {"file": "javascript:alert(1)"}}
    write_json(path, document)
    assert not [link for link in page_of(workspace).links if "verdict" in link or link.startswith("javascript")]


def test_a_large_catalogue_is_counted(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "LIMIT", 1)
    page = page_of(workspace)
    assert page.tags.count("audio") == 2
    assert "1 more are in the catalogue’s folder" in page.text


def test_name_that_is_no_utf8(workspace: Path) -> None:
    name = b"caf\xe9.wav".decode("utf-8", "surrogateescape")
    make_recording(workspace / "separate" / "cafe.wav", "cafe.wav")
    try:
        (workspace / "separate" / "cafe.wav").rename(workspace / "separate" / name)
    except OSError:
        pytest.skip("this file system holds UTF-8 names only")
    page = page_of(workspace)
    assert "caf\ufffd.wav" in page.text
    assert any("caf%E9.wav" in link for link in page.links)
    assert "cannot be read" not in page.text


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("samples", [0, 1, 1000, 500_000])
def test_outline_of_any_length(tmp_path: Path, subtype: str, samples: int) -> None:
    path = tmp_path / "stem.wav"
    soundfile.write(path, np.full((samples, 2), 0.5), RATE, subtype)
    outline = measure(path)
    assert outline is not None
    assert outline.seconds == samples / RATE
    assert outline.peak == pytest.approx(0.5 if samples else 0, abs=1e-3)
    assert draw(outline, outline.peak).count("z") == BARS


def test_outline_shows_where_it_is_loud(tmp_path: Path) -> None:
    path = tmp_path / "stem.wav"
    soundfile.write(path, np.concatenate([np.zeros(60_000), np.full(60_000, 0.8)]), RATE)
    outline = measure(path)
    assert outline is not None
    assert max(outline.levels[: BARS // 2 - 1]) == 0
    assert min(outline.levels[BARS // 2 :]) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-5.4, 9.9), (0.021, 0.09), (3, 3), (0, 0), (-1, 1e6), (600, 601)])
def test_ticks_are_few_and_hold_the_range(low: float, high: float) -> None:
    marks = ticks(low, high)
    assert marks[0] <= low <= high <= marks[-1]
    assert 2 <= len(marks) <= 8


def test_numbers_for_people() -> None:
    assert [decibels(value) for value in (-5.384, 0, float("nan"))] == ["−5.38", "0.00", "–"]


def test_command_writes_into_the_workspace(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["report", "--workspace", str(workspace)])
    program.main()
    assert str(workspace / "report" / "index.html") in capsys.readouterr().out
    assert "song.wav" in Page(workspace / "report" / "index.html").text


BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0"),
)
COMPLAINTS = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")


class Browser:
    """A page in a browser, by its debugging protocol."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._asked = 0
        self.complaints: list[dict[str, Any]] = []

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Call a method of the protocol, keeping the events that arrive before its answer."""
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": params}))
        while (message := json.loads(self._socket.recv(30))).get("id") != self._asked:
            if message["method"] in COMPLAINTS:
                self.complaints.append(message)
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    def run(self, script: str) -> Any:
        """Return what a line of JavaScript gives, run as if the user had asked for it."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, userGesture=True)
        return answer["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until a line of JavaScript is true."""
        end = time.monotonic() + 20
        while not self.run(script):
            assert time.monotonic() < end, f"never came true: {script}"
            time.sleep(0.05)


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a headless browser that ends with the block; skips the test where there is none."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no chromium is installed")
    client = pytest.importorskip("websockets.sync.client", reason="the package websockets is not installed")
    command = [program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with client.connect(_address(profile, process), max_size=None) as socket:
                yield Browser(socket)
        finally:
            process.terminate()


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the address of the browser's first page, once it has one."""
    port, end = profile / "DevToolsActivePort", time.monotonic() + 60
    while not (port.is_file() and port.read_text(encoding="utf-8").strip()):
        assert process.poll() is None, "the browser did not start"
        assert time.monotonic() < end, "the browser does not answer"
        time.sleep(0.05)
    number = port.read_text(encoding="utf-8").split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{number}/json", timeout=30) as answer:
        pages = [page for page in json.load(answer) if page["type"] == "page"]
    return str(pages[0]["webSocketDebuggerUrl"])


@pytest.mark.slow
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_browser_plays_the_stems_together(workspace: Path, tmp_path: Path, subtype: str) -> None:
    make_recording(workspace / "separate" / STRANGE, STRANGE, subtype)
    shutil.rmtree(workspace / "separate" / "song.wav")
    shutil.rmtree(workspace / "evaluate" / "pictures")  # empty files here, no pictures
    page = write_report(workspace, workspace / "separate", workspace / "report")
    with browser(tmp_path / "profile") as tab:
        for domain in ("Runtime", "Log", "Page"):
            tab.ask(f"{domain}.enable")
        tab.ask("Page.navigate", url=page.resolve().as_uri())
        tab.wait("document.readyState === 'complete' && document.querySelector('.play')?.hidden === false")
        tab.run("var seek = document.querySelector('.seek'), at = () => Number(seek.value)")
        tab.run("var stems = [...document.querySelectorAll('audio')]")
        assert tab.run("at()") == 0
        tab.run("document.querySelector('.play').click()")
        tab.wait("at() > 0.3")
        assert tab.run("stems.length === 2 && stems.every((stem) => !stem.paused && !stem.muted)")
        tab.wait("Math.abs(stems[0].currentTime - stems[1].currentTime) < 0.03")
        tab.run("document.querySelector('.solo').click()")
        assert tab.run("stems.map((stem) => stem.muted)") == [False, True]
        tab.run("document.querySelector('.play').click()")
        assert tab.run("stems.every((stem) => stem.paused)")
        tab.run("seek.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft' }))")
        tab.wait("at() === 0 && stems.every((stem) => stem.currentTime === 0)")
        tab.run("seek.value = 3.5; seek.dispatchEvent(new Event('input'))")
        tab.run("document.querySelector('.play').click()")
        tab.wait("at() > 3.5")
        tab.wait("at() === 0 && stems.every((stem) => stem.paused)")  # played to its end, and back at the start
        assert tab.complaints == []
