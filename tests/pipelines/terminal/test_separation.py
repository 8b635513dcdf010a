"""A separation in the terminal sends an event when the catalogue has drifted over its limit."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.core.data.separation_summary import SeparationSummary
from components.core.data.stem_provenance import ModelUsed, StemOptions, StemSettings
from components.core.stores.selection import RECORDS
from pipelines.server.events import send_drift_event
from pipelines.terminal.separation import separate_and_report_drift
from tests.support.prefect_server import Receiver


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Receiver]:
    """Return a server that receives events."""
    receiver = Receiver()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
        environment.setenv("PREFECT_API_URL", f"{receiver.address}/api")
        from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_CSRF_SUPPORT_ENABLED, temporary_settings

        settings = {PREFECT_API_URL: f"{receiver.address}/api", PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False}
        with temporary_settings(settings):
            yield receiver
    assert set(receiver.paths) <= {"/api/events"}
    receiver.stop()


_PROGRAM = (
    "import sys; from pipelines.terminal.separation import separate_and_report_drift as separate; "
    "sys.exit(separate(sys.argv[2:], sys.argv[1]))"
)
_REPORTING = [sys.executable, "-c", _PROGRAM, "nowhere"]
"""A program with the destination `nowhere`; its command follows."""


def _events(server: Receiver) -> list[dict[str, Any]]:
    return [event for body in server.bodies for event in json.loads(body)]


def _write_summary(folder: Path, drift: float | None, drifted: bool) -> str:
    """Write the summary that a separation leaves in its destination; return the destination."""
    model = ModelUsed(name="tiny", sha256="0" * 64, network={})
    options = StemOptions(format="wav", post={}, precision="fp32", stems=("vocals",))
    counts = dict.fromkeys(("listed", "done", "skipped", "quarantined", "failed", "later", "flagged"), 0)
    figures = dict.fromkeys(("audio_seconds", "catalogue_seconds", "wall_seconds", "price_per_hour"), 0.0)
    summary = SeparationSummary.model_validate(
        {"settings": StemSettings(model=model, options=options), "drift": drift, "drifted": drifted, "stopped": ""}
        | counts
        | figures
    )
    summary.write(folder / RECORDS)
    return str(folder)


def _ends_with(code: int) -> list[str]:
    return [sys.executable, "-c", f"raise SystemExit({code})"]


def test_drift_over_the_limit_sends_an_event(server: Receiver, tmp_path: Path) -> None:
    stems = _write_summary(tmp_path / "stems", 2.25, drifted=True)
    assert send_drift_event(stems)
    (event,) = _events(server)
    assert event["event"] == "stemline.catalogue.drift"
    assert event["resource"] == {"prefect.resource.id": f"stemline.catalogue.{stems}"}
    assert event["payload"] == {"drift": 2.25, "catalogue": stems}


@pytest.mark.parametrize("drift", [1.49, None])
def test_drift_below_the_limit_sends_no_event(server: Receiver, tmp_path: Path, drift: float | None) -> None:
    assert not send_drift_event(_write_summary(tmp_path / "stems", drift, drifted=False))
    assert _events(server) == []


def test_destination_without_a_summary_sends_no_event(server: Receiver, tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    assert not send_drift_event(str(tmp_path / "stems"))


@pytest.mark.parametrize(("code", "told"), [(0, 1), (4, 1), (2, 0), (3, 0)])
def test_separation_reports_drift_after_all_its_work(server: Receiver, tmp_path: Path, code: int, told: int) -> None:
    stems = _write_summary(tmp_path / "stems", 2.25, drifted=True)
    assert separate_and_report_drift(_ends_with(code), stems) == code
    assert len(_events(server)) == told


@pytest.mark.slow
def test_server_that_does_not_answer_prints_one_line_after_the_separation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stems = _write_summary(tmp_path / "stems", 2.25, drifted=True)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "0")
    ended = subprocess.run([*_REPORTING[:-1], stems, "true"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    (line,) = ended.stderr.splitlines()
    assert line.startswith("stemline: http://127.0.0.1:9/api did not receive the event about the catalogue's drift: ")
    assert "refused" in line


def test_separation_gets_sigterm(tmp_path: Path) -> None:
    """SIGTERM, as from a scheduler, reaches the job, and the command returns the job's exit code."""
    work = "import signal, time; signal.signal(15, lambda *_: exit(7)); print('begun', flush=True); time.sleep(60)"
    with subprocess.Popen([*_REPORTING, sys.executable, "-c", work], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.terminate()
        assert process.wait(timeout=30) == 7


def test_separation_ends_with_a_killed_command(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    work = f"import time, pathlib\nwhile True: pathlib.Path({str(mark)!r}).touch(); time.sleep(0.05)"
    with subprocess.Popen([*_REPORTING, sys.executable, "-c", work]) as process:
        while not mark.exists():
            time.sleep(0.05)
        process.kill()
    time.sleep(0.3)
    mark.unlink(missing_ok=True)
    time.sleep(0.5)
    assert not mark.exists()
