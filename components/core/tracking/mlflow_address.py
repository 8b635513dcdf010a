"""The address of MLflow's store, and whether it exists; without MLflow, which takes a second to import."""

import os
from pathlib import Path

from components.core.base.workspace import WORKSPACE


def tracking_uri() -> str:
    """Return the store's address: MLFLOW_TRACKING_URI, else the workspace's SQLite file."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(WORKSPACE / 'mlflow' / 'mlflow.db').resolve()}"


def store_exists() -> bool:
    """Return False when the embedded store has not been made yet; True for any other store."""
    uri = tracking_uri()
    return not uri.startswith("sqlite:///") or Path(uri.removeprefix("sqlite:///")).is_file()
