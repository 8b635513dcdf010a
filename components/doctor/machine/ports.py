"""Ports of the servers that one starts by hand on this machine: free, or taken by what?"""

import socket
from collections.abc import Mapping

import psutil

from components.core.base.errors import UserError
from components.core.base.http import request
from components.doctor.finding import Finding, Findings, ok, warning

_HERE = "127.0.0.1"
_PATIENCE = 1.0  # seconds: it is this machine


class Server:
    """A server of the kind that one starts here: its usual port, the variable that names it, and how to know it."""

    def __init__(self, name: str, port: int, variable: str, health: str, another_port: str) -> None:
        self.name, self.port, self.variable, self.health, self.another_port = name, port, variable, health, another_port


SERVERS = (
    Server("MLflow", 5000, "MLFLOW_TRACKING_URI", "health", "mlflow ui --port 5001"),
    Server("Prefect", 4200, "PREFECT_API_URL", "api/health", "prefect server start --port 4201"),
)


def check_ports(environment: Mapping[str, str], servers: tuple[Server, ...] = SERVERS) -> Findings:
    """Look at the port of each server that `environment` does not name."""
    for server in servers:
        named = environment.get(server.variable, "")
        if not named.startswith("http"):
            yield _port(server)


def _port(server: Server) -> Finding:
    what = f"port {server.port}"
    if not _is_taken(server.port):
        return ok(what, f"free, for {server.name}'s server")
    if _answers(server):
        do = f"to use it, set {server.variable}"
        return warning(what, f"a {server.name} server runs there, and {server.variable} does not name it", do)
    return warning(what, f"taken by {_holder(server.port)}: {server.name}'s server can't have it", server.another_port)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HERE, port))
        except OSError:
            return True
    return False


def _answers(server: Server) -> bool:
    try:
        return request(f"http://{_HERE}:{server.port}/{server.health}", timeout=_PATIENCE).is_ok
    except UserError:
        return False


def _holder(port: int) -> str:
    try:
        listening = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        numbers = [one.pid for one in listening if one.laddr and one.laddr.port == port and one.pid]
        return f"{psutil.Process(numbers[0]).name()} (process {numbers[0]})" if numbers else "another user's program"
    except psutil.Error:
        return "another program"
