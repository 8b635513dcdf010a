"""A real Prefect server on this machine, and an HTTP server that receives notifications."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from prefect.settings import PREFECT_HOME, PREFECT_SERVER_ANALYTICS_ENABLED, temporary_settings

from tests.support.databases import new_prefect_home
from tests.support.processes import end, free_port, wait_until

PREFECT = str(Path(sys.executable).parent / "prefect")
ROOT = Path(__file__).parents[2]


@contextmanager
def prefect_server(home: Path) -> Iterator[dict[str, str]]:
    """Run a server that keeps its data in `home`. Yield the environment variables that its clients need."""
    port = free_port()
    variables = client_of(home, f"http://127.0.0.1:{port}/api") | {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    command = [PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    new_prefect_home(home)
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=os.environ | variables, stdout=log, stderr=log)
        try:
            wait_until(
                lambda: requests.get(f"{variables['PREFECT_API_URL']}/health", timeout=5).ok,
                f"Prefect's server: {home / 'log'}",
                every=0.5,
            )
            yield variables
        finally:
            end(server)


@contextmanager
def prefect_harness(home: Path) -> Iterator[pytest.MonkeyPatch]:
    """Let flows of this process run on a server of Prefect's test harness that keeps its data in `home`.

    Import modules of `pipelines` inside this block only: they change Prefect's settings, also for other tests.
    """
    database = new_prefect_home(home / "harness", "prefect-test.db")
    with (
        pytest.MonkeyPatch.context() as patch,
        temporary_settings({PREFECT_HOME: home, PREFECT_SERVER_ANALYTICS_ENABLED: False}),
        _harness_in(database),
    ):
        patch.setenv("PREFECT_HOME", str(home))
        yield patch


@contextmanager
def _harness_in(folder: Path) -> Iterator[None]:
    """Run Prefect's test harness on the empty database that lies in `folder`."""
    from prefect.testing import utilities  # imported here, since it takes seconds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utilities, "mkdtemp", lambda: str(folder))
        with utilities.prefect_test_harness(server_startup_timeout=180):
            yield


def client_of(home: Path, api: str) -> dict[str, str]:
    """Return the environment variables for clients of the server at `api` that keep their data in `home`."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api,
        "STEMLINE_WORKSPACE": str(home / "workspace"),
        "PYTHONPATH": str(ROOT),
        "OMP_WAIT_POLICY": "PASSIVE",
    }


class Receiver:
    """An HTTP server that keeps the requests that it receives."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.paths.append(self.path)
                receiver.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def told(self, flow: str) -> list[dict[str, str]]:
        """Return the notifications about runs of this flow without repetitions. Fails when one is not JSON.

        Prefect repeats a notification when its database was locked.
        """
        return [found for found in map(json.loads, dict.fromkeys(self.bodies)) if found["flow"] == flow]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
