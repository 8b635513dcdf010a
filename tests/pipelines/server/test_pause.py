"""A paused run on a real Prefect server: when somebody cancels it, the waiting ends soon."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.prefect_server import prefect_server
from tests.support.processes import end, wait_until

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

FLOW = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pipelines.judging import approval_flow
from components.core.release.verdict import Verdict
from pipelines.running.project_stages import CURRENT_PROJECT
from prefect import flow
from prefect.states import Completed

@flow(name="after the gate")
def after():
    verdict = Verdict(
        name="voices", version=2, passed=True, rule="not worse", reasons=("vocals: +1 dB",), champion=1
    )
    until = datetime.now(UTC) + timedelta(hours=72)
    try:
        approval_flow.ask_person(CURRENT_PROJECT, verdict, Path.cwd(), until)
    except approval_flow.NotApprovedError as error:
        return Completed(message=f"version 2 {error}")

if __name__ == "__main__":
    print(sys.argv[1], after(return_state=True).message)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with prefect_server(tmp_path_factory.mktemp("prefect")) as variables:
        yield variables


@pytest.mark.parametrize(
    ("state", "force", "ends"),
    [("CANCELLING", False, "CANCELLED"), ("CANCELLED", True, "CANCELLED"), ("FAILED", True, "CANCELLED")],
)
def test_pause_ends_with_its_run(state: str, force: bool, ends: str, server: dict[str, str], tmp_path: Path) -> None:
    api = server["PREFECT_API_URL"]

    def runs(**query: Any) -> list[dict[str, Any]]:
        response = requests.post(f"{api}/flow_runs/filter", json={"flow_runs": query}, timeout=60)
        response.raise_for_status()
        found: list[dict[str, Any]] = response.json()
        return found

    def paused() -> list[dict[str, Any]]:
        return runs(state={"type": {"any_": ["PAUSED"]}})

    git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "A project"], check=True)
    (tmp_path / "flow.py").write_text(FLOW)
    process = subprocess.Popen(
        [sys.executable, "flow.py", state], cwd=tmp_path, env=os.environ | server,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        wait_until(paused, seconds=180)
        (run,) = paused()
        body = {"state": {"type": state}, "force": force}
        requests.post(f"{api}/flow_runs/{run['id']}/set_state", json=body, timeout=60).raise_for_status()
        text, _ = process.communicate(timeout=60)
    finally:
        end(process)
    assert process.returncode == 0, text
    reason = f"the flow run of its question ended as {state.title()}"
    assert f"{state} version 2 stays registered and is not live, since {reason}: " in text
    assert "--require-approval` asks again" in text
    assert [found["state"]["type"] for found in runs(id={"any_": [run["id"]]})] == [ends]


@pytest.mark.parametrize(
    ("state", "left", "out"),
    [
        ("Paused", 5, False),
        ("Paused", -1, True),
        ("Failed", 5, True),
        ("Failed", 3600, False),
        ("Cancelling", -1, False),
    ],
)
def test_pause_times_out_by_either_clock(
    state: str, left: float, out: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    from prefect import states

    from pipelines.server.pause import has_timed_out

    assert has_timed_out(getattr(states, state)(), timedelta(seconds=left)) is out
