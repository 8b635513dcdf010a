"""All servers of docker/compose.yaml as processes, and a worker in a copy of the project."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from mlflow import MlflowClient

from tests.support.bucket import NAME as BUCKET
from tests.support.bucket import Bucket
from tests.support.processes import environment_without, free_port, wait_until
from tests.support.stack.postgres import Postgres
from tests.support.stack.server import Server

POOL = "stemline"
SERVER_ERROR = 500
HEARTBEATS = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
"""The value of docker/compose.yaml. Without it, a run that died with its worker keeps its deployment's slot."""
PASSWORDS = {"mlflow": "mlflow-secret-7f3a", "prefect": "prefect-secret-91cc"}
_PROGRAMS = Path(sys.executable).parent
_OURS = ("STEMLINE_", "MLFLOW_", "PREFECT_", "DVC_", "PET_", "MUSDB_", "PYTEST_", "GIT_", "AWS_", "PG")


@dataclass
class Stack:
    """All servers of the stack, and the environment variables that their clients need."""

    folder: Path
    postgres: Postgres
    bucket: Bucket
    mlflow: Server
    prefect: Server
    worker: Server

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of a client."""
        return {
            **self.bucket.variables,
            "MLFLOW_TRACKING_URI": self.mlflow.health.removesuffix("/health"),
            "PREFECT_API_URL": self.prefect.health.removesuffix("/health"),
            "PREFECT_HOME": str(self.folder / "prefect"),
        }

    def client(self) -> MlflowClient:
        """Return a client of its MLflow."""
        address = self.variables["MLFLOW_TRACKING_URI"]
        return MlflowClient(address, address)

    def ask(self, path: str, **body: Any) -> Any:
        """Return the answer of Prefect's server to a POST."""
        return self._answer("POST", path, body)

    def _answer(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the server's answer. Asks again while the server or its database restarts."""
        said: list[requests.Response] = []

        def answered() -> bool:
            with suppress(requests.RequestException):
                address = f"{self.variables['PREFECT_API_URL']}/{path}"
                said.append(requests.request(method, address, json=body, timeout=60))
                return said[-1].status_code < SERVER_ERROR
            return False

        wait_until(answered, f"Prefect's answer to {path}")
        said[-1].raise_for_status()
        return said[-1].json() if said[-1].content else None

    def flow_runs(self, flow: str) -> list[dict[str, Any]]:
        """Return the runs of a flow, the oldest first."""
        runs: list[dict[str, Any]] = self.ask(
            "flow_runs/filter", flows={"name": {"any_": [flow]}}, sort="EXPECTED_START_TIME_ASC"
        )
        return runs

    def deployment(self, name: str) -> dict[str, Any]:
        """Return the deployment called `<flow>/<deployment>`."""
        found: dict[str, Any] = self._answer("GET", f"deployments/name/{name}")
        return found

    def start_run(self, deployment: str, **parameters: Any) -> str:
        """Start one run of a deployment and return the flow run's id."""
        path = f"deployments/{self.deployment(deployment)['id']}/create_flow_run"
        return str(self.ask(path, parameters=parameters, idempotency_key=str(uuid4()))["id"])

    def state(self, run_id: str) -> dict[str, Any]:
        """Return the state of a flow run."""
        found: dict[str, Any] = self._answer("GET", f"flow_runs/{run_id}")["state"]
        return found


@contextmanager
def running_stack(folder: Path, programs: Path, project: Path, environment: dict[str, str]) -> Iterator[Stack]:
    """Start all servers and a worker that runs in `project`; stop them when the block ends."""
    with ExitStack() as ends:
        postgres = Postgres(programs, PASSWORDS)
        ends.callback(postgres.remove)
        postgres.make()
        bucket = Bucket(folder)
        ends.callback(bucket.stop)
        bucket.start()
        stack = Stack(folder, postgres, bucket, *_servers(folder, postgres, bucket))
        stack.worker.environment = environment | stack.variables | HEARTBEATS
        stack.worker.folder = project
        for server in (stack.mlflow, stack.prefect):
            ends.callback(server.kill)
            server.start()
        for server in (stack.mlflow, stack.prefect):
            server.wait()
        create = [str(_PROGRAMS / "prefect"), "work-pool", "create", POOL, "--type", "process"]
        subprocess.run(create, env=os.environ | stack.variables, check=True, stdout=subprocess.DEVNULL)
        ends.callback(stack.worker.kill)
        stack.worker.start()
        yield stack


def _servers(folder: Path, postgres: Postgres, bucket: Bucket) -> tuple[Server, Server, Server]:
    mlflow_port = free_port()
    mlflow_server = Server(
        "mlflow",
        [str(_PROGRAMS / "mlflow"), "server", "--host=127.0.0.1", f"--port={mlflow_port}", "--workers=1",
         "--serve-artifacts", f"--artifacts-destination=s3://{BUCKET}/mlflow"],
        {**_clean(), **bucket.variables, "MLFLOW_BACKEND_STORE_URI": postgres.url("psycopg2", "mlflow"),
         "PGPASSWORD": postgres.passwords["mlflow"], "MLFLOW_S3_ENDPOINT_URL": bucket.variables["AWS_ENDPOINT_URL"],
         "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        folder,
        f"http://127.0.0.1:{mlflow_port}/health",
    )  # fmt: skip
    worker = Server(
        "worker",
        [str(_PROGRAMS / "prefect"), "worker", "start", "--pool", POOL, "--type", "process",
         "--install-policy", "never"],
        {},
        folder,
    )  # fmt: skip
    return mlflow_server, prefect_on(postgres, folder), worker


def prefect_on(postgres: Postgres, folder: Path, **settings: str) -> Server:
    """Return Prefect's server, not started, with its data in PostgreSQL and its home and log in `folder`."""
    port = free_port()
    home = folder / "prefect"
    home.mkdir()
    return Server(
        "prefect-server",
        [str(_PROGRAMS / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        {**_clean(), "PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
         "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
         "PREFECT_SERVER_DATABASE_CONNECTION_URL": postgres.url("asyncpg", "prefect"),
         "PGPASSWORD": postgres.passwords["prefect"], **settings},
        folder,
        f"http://127.0.0.1:{port}/api/health",
    )  # fmt: skip


def _clean() -> dict[str, str]:
    """Return this process's environment without the variables that our programs read."""
    return environment_without(_OURS, LC_ALL="C.UTF-8")


def wait_for_state(stack: Stack, run_id: str, seconds: float = 400.0) -> dict[str, Any]:
    """Wait until a flow run has ended; return its state."""
    wait_until(lambda: stack.state(run_id)["type"] in ENDED, f"the end of flow run {run_id}", seconds, every=1.0)
    return stack.state(run_id)


ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
