"""A separation in the terminal sends an event when the catalogue has drifted over its limit."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines.server.events import send_drift_event
from pipelines.terminal.separation import separate_and_report_drift
from tests.support.prefect_server import Receiver


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Receiver]:
    """Return a server that hears events."""
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
    "import sys; from pipelines.terminal.separation import separate_and_report_drift as tell; "
    "sys.exit(tell(sys.argv[2:], sys.argv[1]))"
)
_TELLING = [sys.executable, "-c", _PROGRAM, "nowhere"]
"""A destination and a command behind it."""


def _events(server: Receiver) -> list[dict[str, Any]]:
    return [event for body in server.bodies for event in json.loads(body)]


def _summary(folder: Path, values: Mapping[str, Any]) -> str:
    """Write what a job leaves in its destination."""
    (folder / "_stemline").mkdir(parents=True)
    (folder / "_stemline" / "summary.json").write_text(json.dumps(values), encoding="utf-8")
    return str(folder)


def _ends_with(code: int) -> list[str]:
    return [sys.executable, "-c", f"raise SystemExit({code})"]


def test_a_catalogue_over_the_limit_is_told(server: Receiver, tmp_path: Path) -> None:
    stems = _summary(tmp_path / "stems", {"listed": 3, "drift": 2.25, "drifted": True})
    assert send_drift_event(stems)
    (event,) = _events(server)
    assert event["event"] == "stemline.catalogue.drift"
    assert event["resource"] == {"prefect.resource.id": f"stemline.catalogue.{stems}"}
    assert event["payload"] == {"drift": 2.25, "catalogue": stems}


@pytest.mark.parametrize(
    "values", [{"drift": 1.49, "drifted": False}, {"drift": None, "drifted": False}, {"listed": 3}]
)
def test_below_the_limit_nothing_is_told(server: Receiver, tmp_path: Path, values: Mapping[str, Any]) -> None:
    assert not send_drift_event(_summary(tmp_path / "stems", values))
    assert _events(server) == []


def test_a_destination_without_an_account_is_nothing_to_tell_of(server: Receiver, tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    assert not send_drift_event(str(tmp_path / "stems"))


@pytest.mark.parametrize(("code", "told"), [(0, 1), (4, 1), (2, 0), (3, 0)])
def test_a_job_without_a_pool_tells_once_it_has_done_all_it_can(
    server: Receiver, tmp_path: Path, code: int, told: int
) -> None:
    stems = _summary(tmp_path / "stems", {"drift": 2.25, "drifted": True})
    assert separate_and_report_drift(_ends_with(code), stems) == code
    assert len(_events(server)) == told


def test_a_server_that_is_away_costs_a_line_and_not_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stems = _summary(tmp_path / "stems", {"drift": 2.25, "drifted": True})
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "0")
    ended = subprocess.run([*_TELLING[:-1], stems, "true"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    (line,) = ended.stderr.splitlines()
    assert line.startswith("stemline: http://127.0.0.1:9/api could not be told of the catalogue's drift: ")
    assert "refused" in line


def test_a_job_is_handed_on_what_ends_it(tmp_path: Path) -> None:
    """SIGTERM, as a scheduler sends it, reaches the job, whose exit code is the command's."""
    work = "import signal, time; signal.signal(15, lambda *_: exit(7)); print('begun', flush=True); time.sleep(60)"
    with subprocess.Popen([*_TELLING, sys.executable, "-c", work], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.terminate()
        assert process.wait(timeout=30) == 7


def test_a_killed_command_takes_its_job_along(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    work = f"import time, pathlib\nwhile True: pathlib.Path({str(mark)!r}).touch(); time.sleep(0.05)"
    with subprocess.Popen([*_TELLING, sys.executable, "-c", work]) as process:
        while not mark.exists():
            time.sleep(0.05)
        process.kill()
    time.sleep(0.3)
    mark.unlink(missing_ok=True)
    time.sleep(0.5)
    assert not mark.exists()
