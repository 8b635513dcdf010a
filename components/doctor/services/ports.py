"""Check of the usual ports of MLflow's and Prefect's servers on this machine: is each free, or which program has it?"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from components.core.base.errors import UserError
from components.core.base.http import request
from components.doctor.finding import Finding, Findings, ok, warning

_LOCALHOST = "127.0.0.1"
_ANSWER_SECONDS = 1.0


@dataclass(frozen=True)
class Server:
    """A server that a user may start here.

    variable      the environment variable that names its address
    health        the path that answers when it is this kind of server
    another_port  the command that starts it on another port
    """

    name: str
    port: int
    variable: str
    health: str
    another_port: str


SERVERS = (
    Server("MLflow", 5000, "MLFLOW_TRACKING_URI", "health", "mlflow ui --port 5001"),
    Server("Prefect", 4200, "PREFECT_API_URL", "api/health", "prefect server start --port 4201"),
)


def check_ports(environment: Mapping[str, str], servers: tuple[Server, ...] = SERVERS) -> Findings:
    """Check the port of each server that `environment` does not name."""
    for server in servers:
        if not environment.get(server.variable, "").startswith("http"):
            yield _check_port(server)


def _check_port(server: Server) -> Finding:
    subject = f"port {server.port}"
    if not _is_taken(server.port):
        return ok(subject, f"free, for {server.name}'s server")
    if _answers(server):
        observation = f"a {server.name} server runs there, and {server.variable} does not name it"
        return warning(subject, observation, f"to use it, set {server.variable}")
    observation = f"taken by {_find_holder(server.port)}: {server.name}'s server can't use it"
    return warning(subject, observation, server.another_port)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOCALHOST, port))
        except OSError:
            return True
    return False


def _answers(server: Server) -> bool:
    try:
        return request(f"http://{_LOCALHOST}:{server.port}/{server.health}", timeout=_ANSWER_SECONDS).is_ok
    except UserError:
        return False


def _find_holder(port: int) -> str:
    try:
        listening = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        numbers = [one.pid for one in listening if one.laddr and one.laddr.port == port and one.pid]
        return f"{psutil.Process(numbers[0]).name()} (process {numbers[0]})" if numbers else "another user's program"
    except psutil.Error:
        return "another program"
