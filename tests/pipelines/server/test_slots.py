"""A run of a deployment with a limit of one keeps its slot for longer than a lease lasts.

docs/decisions/0018-slots-and-pauses.md explains slots and leases.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.prefect_server import client_of
from tests.support.processes import end, wait_until
from tests.support.stack.postgres import MISSING, Postgres, postgres_programs
from tests.support.stack.stack import prefect_on

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

LEASE = 300.0  # seconds; a run renews its lease every 225 seconds
FLOWS = """
from prefect import flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.flow_runs import pause_flow_run

@flow(name="ask")
def ask():
    pause_flow_run(timeout=1200, poll_interval=3)

@flow(name="limited")
def limited():
    ask()

if __name__ == "__main__":
    limited.serve("one", limit=2, global_limit=ConcurrencyLimitConfig(limit=1, collision_strategy="CANCEL_NEW"))
"""


def test_waiting_run_keeps_its_slot_when_the_server_restarts(tmp_path: Path) -> None:
    programs = postgres_programs()
    if programs is None:
        pytest.skip(MISSING)
    postgres = Postgres(programs, {"mlflow": "m", "prefect": "p"})
    postgres.make()
    server = prefect_on(postgres, tmp_path)
    api = server.health.removesuffix("/health")
    (tmp_path / "flows.py").write_text(FLOWS)

    def asked(path: str, **body: Any) -> Any:
        said = requests.post(f"{api}/{path}", json=body, timeout=60)
        said.raise_for_status()
        return said.json()

    def runs(flow: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = asked("flow_runs/filter", flows={"name": {"any_": [flow]}})
        return found

    try:
        server.start()
        server.wait()
        variables = os.environ | client_of(tmp_path / "prefect", api)
        serving = subprocess.Popen([sys.executable, "flows.py"], cwd=tmp_path, env=variables)
        try:
            wait_until(lambda: asked("deployments/filter"), "the deployment", every=1.0)
            (deployment,) = asked("deployments/filter")
            create = f"deployments/{deployment['id']}/create_flow_run"
            asked(create)
            wait_until(lambda: [run for run in runs("ask") if run["state"]["type"] == "PAUSED"], "a pause", every=1.0)
            began = time.monotonic()
            time.sleep(60)
            server.kill()
            server.start()
            server.wait()
            time.sleep(LEASE + 30 - (time.monotonic() - began))
            assert [run["state"]["type"] for run in runs("limited")] == ["RUNNING"]
            second = asked(create)
            wait_until(
                lambda: {run["id"]: run["state"]["type"] for run in runs("limited")}[second["id"]] == "CANCELLED",
                "the second to be turned away", every=1.0,
            )  # fmt: skip
            (question,) = runs("ask")
            asked(f"flow_runs/{question['id']}/resume")
            wait_until(lambda: "COMPLETED" in {run["state"]["type"] for run in runs("limited")}, "its end", every=1.0)
        finally:
            end(serving)
    finally:
        server.kill()
        postgres.remove()
