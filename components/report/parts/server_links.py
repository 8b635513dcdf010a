"""Links to MLflow's and Prefect's own pages, or the commands that start them on this workspace."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_address import tracking_uri
from components.report.sources.step_files import printable_path
from components.report.sources.stores import web_address


@dataclass(frozen=True)
class ServerLink:
    """A server's name and address; without an address, the command to run in the project's folder."""

    name: str
    address: str
    command: str


def list_server_links(workspace: Path) -> tuple[ServerLink, ...]:
    """Return the links to both servers; a command opens the store of the variables, or the workspace's own."""
    folder = printable_path(workspace.as_posix())
    embedded = f"sqlite:///{folder}/mlflow/mlflow.db"
    store = shlex.quote(mlflow_runs.store_address() if os.environ.get("MLFLOW_TRACKING_URI") else embedded)
    home = shlex.quote(f"{folder}/prefect")
    return (
        ServerLink("MLflow", web_address(tracking_uri()), f".venv/bin/mlflow ui --backend-store-uri {store}"),
        ServerLink("Prefect", _prefect_address(), f"PREFECT_HOME={home} .venv/bin/prefect server start"),
    )


def _prefect_address() -> str:
    return web_address(os.environ.get("PREFECT_API_URL", "")).removesuffix("/api")
