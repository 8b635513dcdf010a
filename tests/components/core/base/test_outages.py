"""Clients wait for a server that restarts, and say so; a server that stays away is one line."""

import json
import logging
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import requests
from mlflow.exceptions import MlflowException
from prefect.exceptions import PrefectHTTPStatusError

from components.core.base.outages import outage_reason, report_waiting
from components.core.tracking import mlflow_runs
from tests.support.processes import free_port


class _Store(BaseHTTPRequestHandler):
    """A tracking server that knows one experiment."""

    def do_GET(self) -> None:
        answer = json.dumps({"experiment": {"experiment_id": "7", "name": mlflow_runs.EXPERIMENT}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.mark.slow
def test_client_waits_for_a_server_that_starts_later(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://somebody:a-secret@127.0.0.1:{port}")
    servers: list[ThreadingHTTPServer] = []

    def start() -> None:
        time.sleep(2.0)
        servers.append(ThreadingHTTPServer(("127.0.0.1", port), _Store))
        servers[0].serve_forever()

    threading.Thread(target=start, daemon=True).start()
    client = mlflow_runs.connect()
    assert mlflow_runs.experiment_id(client) == "7"
    servers[0].shutdown()
    output = capsys.readouterr()
    assert f"waiting for MLflow at http://***@127.0.0.1:{port}: it does not answer" in output.err
    assert "a-secret" not in output.out + output.err
    assert "Retry" not in output.err


def test_other_log_records_of_a_client_stay_unchanged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # two requests, one message
        report_waiting("a.client", ("Retrying",), "the server", about="mlflow")
    logger = logging.getLogger("a.client")
    logger.info("hello")
    logger.warning("beware")
    logger.warning("Retrying /elsewhere")
    logger.warning("Retrying /mlflow")
    assert [record.message for record in caplog.records] == ["beware", "Retrying /elsewhere"]
    assert capsys.readouterr().err == "waiting for the server: it does not answer; trying again\n"


def test_is_outage_separates_outages_from_mistakes() -> None:
    lost = MlflowException("request failed: refused")
    lost.__cause__ = requests.ConnectionError("refused")
    assert outage_reason(lost) == "request failed: refused"
    assert outage_reason(sqlite3.OperationalError("database is locked\nmore")) == "database is locked"
    assert outage_reason(MlflowException("no such run")) is None
    assert outage_reason(ValueError("ours")) is None
    assert outage_reason(httpx.ReadTimeout("")) == "ReadTimeout"


@pytest.mark.parametrize(("status", "away"), [(500, True), (503, True), (404, False), (422, False)])
def test_is_outage_judges_the_status_of_an_answer(status: int, away: bool) -> None:
    request = httpx.Request("GET", "http://127.0.0.1/api/flow_runs/1")
    error = httpx.HTTPStatusError("Server says no", request=request, response=httpx.Response(status, request=request))
    found = outage_reason(PrefectHTTPStatusError.from_httpx_error(error))
    assert found == ("Server says no" if away else None)
