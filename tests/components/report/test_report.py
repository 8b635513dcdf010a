"""The page about the last run: its content, strange names, and missing or damaged files."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.core.base.files import digest_folder, write_json, write_text
from components.report import report
from components.report.__main__ import report as report_command
from components.report.drawing.chart import ticks
from components.report.drawing.formatting import decibels
from components.report.drawing.waveform import BARS, draw_bars, measure_waveform
from components.report.parts import recordings
from components.report.parts.live_model import LivePart
from components.report.report import write_report
from tests.components.report.report_stores import make_project
from tests.components.report.report_workspace import RATE, STRANGE, Page, make_recording, make_workspace, page_of
from tests.support.step_commands import run_command

PARTS = ("register", "evaluate", "train", "acquire", "separate")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace, in a project whose stores hold nothing yet."""
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'workspace'}/mlflow/mlflow.db")
    return make_workspace(tmp_path / "workspace")


def test_page_shows_the_last_run(workspace: Path) -> None:
    page = page_of(workspace)
    expected = (
        *("Version 3 of vocal-isolation passed the gate", "first champion", "+9.41 dB"),
        *(
            "4.03",
            "−5.38",
            "9.90",
            "–",
            "62 % of the scale",
            "2 of 3",
            "3 of 14",
            "2 test tracks of MUSDB18-7 (7-second",
        ),
        *("The training kept the model of step 200", "vocals 2.10 dB at the end", "loss 0.04000 at the end"),
        *("80", "2.9", "2 tracks left out", "vocals: silent; no sound", "acquire/problems.csv lists 1 more"),
        *("4 × wrong length", "2 separated recordings", "song.wav", "0:04", "run0123", "5c" * 32, "c2-dirty"),
        f"mlflow ui --backend-store-uri sqlite:///{workspace}/mlflow/mlflow.db",
        f"PREFECT_HOME={workspace}/prefect .venv/bin/prefect server start",
    )
    for text in expected:
        assert text in page.text, text
    assert page.tags.count("audio") == 4
    assert page.tags.count("polyline") == 3
    assert page.tags.count("img") == 2


def test_page_escapes_strange_names_and_links_their_files(workspace: Path) -> None:
    page = page_of(workspace)
    assert STRANGE in page.text
    assert "<b>bold</b>" in page.text
    assert "<i>NA</i>" in page.text
    assert page.tags.count("script") == 1
    assert "i" not in page.tags
    assert len(page.files) == 4 * 2 + 2 * 2
    assert all(path.is_file() for path in page.files)


def test_page_needs_no_network(workspace: Path) -> None:
    page = page_of(workspace)
    assert not re.findall(r"(?:https?:)?//[\w.]+\.\w+", page.source)
    assert all(not link.startswith("/") for link in page.links)


def test_page_links_survive_a_move_of_the_workspace(workspace: Path, tmp_path: Path) -> None:
    page_of(workspace)
    moved = workspace.rename(tmp_path / "moved elsewhere")
    assert all(path.is_file() for path in Page(moved / "report" / "index.html").files)


def test_page_links_work_in_a_linked_folder(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    out = tmp_path / "out"
    out.symlink_to(tmp_path / "deep" / "er")
    page = Page(write_report(workspace, workspace / "separate", out))
    assert all((out.resolve() / path.relative_to(out)).is_file() for path in page.files)


def test_page_is_the_same_to_the_byte_for_the_same_files(workspace: Path) -> None:
    first = write_report(workspace, workspace / "separate", workspace / "report").read_bytes()
    before = digest_folder(workspace)
    assert write_report(workspace, workspace / "separate", workspace / "report").read_bytes() == first
    assert digest_folder(workspace) == before


def test_page_that_fails_leaves_the_old_one(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = write_report(workspace, workspace / "separate", workspace / "report")
    before = page.read_bytes()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("no room")))
    with pytest.raises(OSError, match="no room"):
        write_report(workspace, workspace / "separate", workspace / "report")
    assert page.read_bytes() == before
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]


def test_page_without_files_has_a_sentence_for_each_part(tmp_path: Path) -> None:
    text = page_of(tmp_path / "nowhere").text
    for step in PARTS:
        assert re.search(rf"[^.]*\b{step} (and gate have|has) not run", text), step
    assert "mlflow ui" in text


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("evaluate/table.csv", "There are no scores yet"),
        ("evaluate/pictures", "There are no pictures yet"),
        ("evaluate/test.json", "The test tracks are unknown"),
        ("train", "There are no training curves yet"),
        ("acquire/summary.json", "There is no data yet"),
        ("separate", "There is no separated recording"),
        ("gate", "Version 3 of vocal-isolation is registered"),
        ("register", "Version 3 of vocal-isolation passed the gate"),
        ("acquire/problems.csv", "acquire/problems.csv lists 2 more"),
    ],
)
def test_page_says_which_part_is_missing(workspace: Path, missing: str, sentence: str) -> None:
    path = workspace / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert sentence in page_of(workspace).text


@pytest.mark.slow
@pytest.mark.parametrize(
    "damaged",
    ["gate/verdict.json", "evaluate/table.csv", "evaluate/test.json", "train/curves.csv", "acquire/summary.json"],
)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b'{"a": 1}', b"step\n", b"system,target\n"])
def test_page_survives_a_damaged_file(workspace: Path, damaged: str, content: bytes) -> None:
    (workspace / damaged).write_bytes(content)
    assert "Open MLflow and Prefect" in page_of(workspace).text


def test_page_says_who_stays_champion_after_a_refusal(workspace: Path) -> None:
    path = workspace / "gate" / "verdict.json"
    verdict = json.loads(path.read_text(encoding="utf-8")) | {"passed": False}
    write_json(path, verdict | {"rule": "against champion 2"})
    text = page_of(workspace).text
    assert "Version 3 of vocal-isolation was refused" in text
    assert "Version 2 stayed the champion." in text
    write_json(path, verdict)
    assert "There was no champion then." in page_of(workspace).text


def test_page_does_not_apply_an_old_verdict_to_a_new_version(workspace: Path) -> None:
    path = workspace / "register" / "version.json"
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | {"version": 4})
    text = page_of(workspace).text
    assert "Version 4 of vocal-isolation is registered" in text
    assert "last verdict is about version 3, which passed" in text


def test_page_counts_broken_recordings_and_shows_their_good_parts(workspace: Path) -> None:
    write_text(workspace / "separate" / "damaged.wav" / "provenance.json", "{")
    (workspace / "separate" / "song.wav" / "vocals.wav").write_bytes(b"no audio")
    (workspace / "separate" / STRANGE / "vocals.wav").unlink()
    text = page_of(workspace).text
    assert "This page can’t show 1 more" in text
    assert "This file can’t be read." in text
    assert "This file is missing." in text


def test_page_links_nothing_outside_a_recordings_folder(workspace: Path) -> None:
    path = workspace / "separate" / "song.wav" / "provenance.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    files = {"vocals": "../../gate/verdict.json", "x": "javascript:alert(1)"}
    document["stems"] = {name: {"file": file, "sha256": ""} for name, file in files.items()}
    write_json(path, document)
    assert not [link for link in page_of(workspace).links if "verdict" in link or link.startswith("javascript")]


def test_page_counts_the_rest_of_a_large_catalogue(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "LIMIT", 1)
    page = page_of(workspace)
    assert page.tags.count("audio") == 2
    assert "The catalogue’s folder has 1 more" in page.text


def test_page_links_a_name_that_is_not_utf8(workspace: Path) -> None:
    name = b"caf\xe9.wav".decode("utf-8", "surrogateescape")
    make_recording(workspace / "separate" / "cafe.wav", "cafe.wav")
    try:
        (workspace / "separate" / "cafe.wav").rename(workspace / "separate" / name)
    except OSError:
        pytest.skip("this file system holds UTF-8 names only")
    page = page_of(workspace)
    assert "caf\ufffd.wav" in page.text
    assert any("caf%E9.wav" in link for link in page.links)
    assert "This file can’t be read." not in page.text


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("samples", [0, 1, 1000, 500_000])
def test_measure_waveform_reads_any_length(tmp_path: Path, subtype: str, samples: int) -> None:
    path = tmp_path / "stem.wav"
    soundfile.write(path, np.full((samples, 2), 0.5), RATE, subtype)
    waveform = measure_waveform(path)
    assert waveform is not None
    assert waveform.seconds == samples / RATE
    assert waveform.peak == pytest.approx(0.5 if samples else 0, abs=1e-3)
    assert draw_bars(waveform, waveform.peak).count("z") == BARS


def test_measure_waveform_shows_the_loud_part(tmp_path: Path) -> None:
    path = tmp_path / "stem.wav"
    soundfile.write(path, np.concatenate([np.zeros(60_000), np.full(60_000, 0.8)]), RATE)
    waveform = measure_waveform(path)
    assert waveform is not None
    assert max(waveform.levels[: BARS // 2 - 1]) == 0
    assert min(waveform.levels[BARS // 2 :]) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-5.4, 9.9), (0.021, 0.09), (3, 3), (0, 0), (-1, 1e6), (600, 601)])
def test_ticks_are_few_and_cover_the_range(low: float, high: float) -> None:
    marks = ticks(low, high)
    assert marks[0] <= low <= high <= marks[-1]
    assert 2 <= len(marks) <= 8


def test_decibels_have_two_decimals_and_a_true_minus() -> None:
    assert [decibels(value) for value in (-5.384, 0, float("nan"))] == ["−5.38", "0.00", "–"]


def test_command_writes_into_the_workspace(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(report_command, "--workspace", str(workspace))
    assert str(workspace / "report" / "index.html") in capsys.readouterr().out
    assert "song.wav" in Page(workspace / "report" / "index.html").text


def test_store_parts_are_read_twice_during_a_promotion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal and the alias disagree for a moment during a promotion."""
    during = LivePart("voices", 1, "not settled", False, None, None, ("a doubt",), disputed=True)
    looks = iter([during, replace(during, headline="version 2 is live", settled=True, doubts=(), disputed=False)])
    monkeypatch.setattr(report, "SETTLING_SECONDS", 0.0)
    monkeypatch.setattr(report, "read_live", lambda stores: next(looks))
    for part in ("read_live_scores", "read_versions", "read_jobs"):
        monkeypatch.setattr(report, part, lambda *arguments: None)
    live = report.read_store_parts(tmp_path)["live"].content
    assert live is not None
    assert live.headline == "version 2 is live"
