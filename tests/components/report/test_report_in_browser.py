"""The page in a real browser: it plays the stems, and fits a screen."""

import shutil
from itertools import product
from pathlib import Path

import pytest

from components.core.tracking import mlflow_runs
from components.report.report import write_report
from tests.components.report.report_stores import STRANGE as MARKED
from tests.components.report.report_stores import log_catalogue, make_live, make_project, train_version
from tests.components.report.report_workspace import STRANGE, make_recording, make_workspace
from tests.support.browser import Browser, browser

pytestmark = pytest.mark.system


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace, in a project whose stores hold nothing yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}")
    make_project(tmp_path)
    folder = make_workspace(tmp_path / "workspace")
    shutil.rmtree(folder / "evaluate" / "pictures")  # empty files here, no pictures
    return folder


@pytest.fixture
def stocked(workspace: Path) -> Path:
    """The same with three versions and a catalogue in the stores, and with long and strange names."""
    client, config = mlflow_runs.connect(), make_project(workspace.parent)
    for before in range(3):
        version = train_version(client, before / 2, note=MARKED * 5)
        make_live(client, config, version, before, f"{MARKED}: {'long' * 100}")
    log_catalogue(client, f"s3://label/{'deep/' * 40}masters", "/nowhere/" + "deep/" * 40)
    return workspace


def open_page(tab: Browser, page: Path) -> None:
    for domain in ("Runtime", "Log", "Page"):
        tab.ask(f"{domain}.enable")
    tab.ask("Page.navigate", url=page.resolve().as_uri())
    tab.wait("document.readyState === 'complete' && document.querySelector('.play')?.hidden === false")


def test_page_fits_the_screen(stocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = write_report(stocked, stocked / "separate", stocked / "report")
    with browser(tmp_path / "profile") as tab:
        for width, scheme in product((1280, 390), ("light", "dark")):
            tab.ask(
                "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
            )
            tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            open_page(tab, page)
            require_fitting(tab, width)
            parts = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)"
            assert tab.run(f"{parts}.every((part) => part > 128)") == (scheme == "light")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:9/{'deep' * 40}")
        open_page(tab, write_report(stocked, stocked / "separate", stocked / "down"))
        require_fitting(tab, 390)
        assert tab.complaints == []


def require_fitting(tab: Browser, width: int) -> None:
    """Assert that nothing scrolls sideways, that text stays text, and that each link of the head leads to a part."""
    assert tab.run("document.querySelector('h1').textContent") == "Version 3 of vocal-isolation is live"
    assert tab.run("document.documentElement.scrollWidth") <= width
    tables, wide = "[...document.querySelectorAll('.stack')]", "table.scrollWidth > table.parentNode.clientWidth"
    assert tab.run(f"{tables}.filter((table) => {wide}).map((table) => table.caption.textContent)") == []
    assert tab.run("document.querySelector('#injected') === null")
    anchors = "[...document.querySelectorAll('nav a')].map((a) => document.querySelector(a.hash))"
    assert tab.run(f"{anchors}.every((part) => part && part.querySelector('h2'))")


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_page_plays_the_stems_together(workspace: Path, tmp_path: Path, subtype: str) -> None:
    make_recording(workspace / "separate" / STRANGE, STRANGE, subtype)
    shutil.rmtree(workspace / "separate" / "song.wav")
    page = write_report(workspace, workspace / "separate", workspace / "report")
    with browser(tmp_path / "profile") as tab:
        open_page(tab, page)
        tab.run("var seek = document.querySelector('.seek'), at = () => Number(seek.value)")
        tab.run("var stems = [...document.querySelectorAll('audio')]")
        assert tab.run("at()") == 0
        tab.click(".play")
        tab.wait("at() > 0.3")
        assert tab.run("stems.length === 2 && stems.every((stem) => !stem.paused && !stem.muted)")
        tab.wait("Math.abs(stems[0].currentTime - stems[1].currentTime) < 0.03")
        tab.click(".solo")
        assert tab.run("stems.map((stem) => stem.muted)") == [False, True]
        tab.click(".play")
        assert tab.run("stems.every((stem) => stem.paused)")
        tab.run("seek.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft' }))")
        tab.wait("at() === 0 && stems.every((stem) => stem.currentTime === 0)")
        tab.run("seek.value = 3.5; seek.dispatchEvent(new Event('input'))")
        tab.click(".play")
        tab.wait("at() > 3.5")
        tab.wait("at() === 0 && stems.every((stem) => stem.paused)")  # the player returned to the start at the end
        assert tab.complaints == []
