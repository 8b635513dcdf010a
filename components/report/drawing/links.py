"""The way to MLflow's and Prefect's own pages: their address, or the command that starts them on this workspace."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_store import tracking_uri
from components.report.sources.reading import shown
from components.report.sources.stores import pages_of


@dataclass(frozen=True)
class Door:
    """A server's name and its address; where it has none, the command to type in the project's folder."""

    name: str
    address: str
    command: str


def doors(workspace: Path) -> tuple[Door, ...]:
    """Return the ways to both; a server is named where a variable names it, else the embedded store of `workspace`."""
    folder = shown(workspace.as_posix())
    embedded = f"sqlite:///{folder}/mlflow/mlflow.db"
    store = shlex.quote(mlflow_runs.store_address() if os.environ.get("MLFLOW_TRACKING_URI") else embedded)
    home = shlex.quote(f"{folder}/prefect")
    return (
        Door("MLflow", pages_of(tracking_uri()), f".venv/bin/mlflow ui --backend-store-uri {store}"),
        Door("Prefect", _prefect(), f"PREFECT_HOME={home} .venv/bin/prefect server start"),
    )


def _prefect() -> str:
    return pages_of(os.environ.get("PREFECT_API_URL", "")).removesuffix("/api")
