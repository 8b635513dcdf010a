"""Ports: free, taken, or served by a server that no variable names."""

import os
import socket
from importlib import metadata

from components.doctor.services.ports import Server, check_ports
from tests.components.doctor.findings import by_subject, statuses
from tests.support.http_server import serve_answers

MLFLOW, PREFECT = metadata.version("mlflow"), metadata.version("prefect")
UNREACHABLE = "http://127.0.0.1:9"


def _server(port: int) -> tuple[Server, ...]:
    return (Server("MLflow", port, "MLFLOW_TRACKING_URI", "health", "mlflow ui --port 5001"),)


def test_check_ports_names_the_program_that_has_the_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        found = by_subject(check_ports({}, _server(port)))[f"port {port}"]
        assert found.status == "warning"
        assert f"process {os.getpid()}" in found.observation
        assert statuses(check_ports({"MLFLOW_TRACKING_URI": "http://elsewhere"}, _server(port))) == {}
    assert statuses(check_ports({}, _server(port))) == {f"port {port}": "ok"}


def test_check_ports_reports_a_server_that_no_variable_names() -> None:
    with serve_answers({"/health": "OK"}) as address:
        found = by_subject(check_ports({}, _server(int(address.rsplit(":", 1)[1]))))
    (finding,) = found.values()
    assert finding.status == "warning"
    assert finding.remedy == "to use it, set MLFLOW_TRACKING_URI"
