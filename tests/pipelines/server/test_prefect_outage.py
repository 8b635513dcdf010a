"""Waiting questions and running flows survive a restart of Prefect's PostgreSQL."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.prefect_server import client_of
from tests.support.processes import end, wait_until
from tests.support.stack.postgres import MISSING, Postgres, postgres_programs
from tests.support.stack.stack import prefect_on

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

AWAY = 8.0  # seconds; more than twice the pause between two looks at the question
FLOW = """
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pipelines.judging import approval_flow
from components.core.release.verdict import Verdict
from pipelines.running.project_stages import CURRENT_PROJECT
from prefect import flow

@flow(name="after the gate")
def after():
    verdict = Verdict(
        name="voices", version=2, passed=True, rule="not worse", reasons=("vocals: +1 dB",), champion=1
    )
    until = datetime.now(UTC) + timedelta(hours=1)
    return approval_flow.ask_person(CURRENT_PROJECT, verdict, Path.cwd(), until).by

if __name__ == "__main__":
    print("approved by", after())
"""


@dataclass
class Servers:
    """Prefect's server, and the PostgreSQL that holds its data."""

    postgres: Postgres
    api: str

    def asked(self, path: str, **body: Any) -> Any:
        response = requests.post(f"{self.api}/{path}", json=body, timeout=60)
        response.raise_for_status()
        return response.json()

    def paused(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.asked(
            "flow_runs/filter", flow_runs={"state": {"type": {"any_": ["PAUSED"]}}}
        )
        return found


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip(MISSING)
    postgres = Postgres(programs, {"mlflow": "m", "prefect": "p"})
    try:
        postgres.make()
        server = prefect_on(postgres, tmp_path)
        try:
            server.start()
            server.wait()
            yield Servers(postgres, server.health.removesuffix("/health"))
        finally:
            server.kill()
    finally:
        postgres.remove()


def test_question_survives_a_restart_of_the_database(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    variables = os.environ | client_of(tmp_path / "client", servers.api)
    process = subprocess.Popen(
        [sys.executable, "flow.py"], cwd=tmp_path, env=variables,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        wait_until(servers.paused, seconds=180)
        servers.postgres.kill()
        time.sleep(AWAY)
        assert process.poll() is None, process.communicate()[0]
        servers.postgres.start()
        form = {"approve": True, "by": "Ada", "why": "clearer"}
        wait_until(lambda: _answer(servers, form), seconds=180)
        text, _ = process.communicate(timeout=180)
        assert process.returncode == 0, text
        assert "approved by Ada" in text
        assert "waiting for Prefect's server: it does not answer; trying again" in text
    finally:
        end(process)


def _answer(servers: Servers, form: dict[str, Any]) -> bool:
    (run,) = servers.paused()
    response = servers.asked(f"flow_runs/{run['id']}/resume", run_input=form)
    return str(response["status"]) == "ACCEPT"
