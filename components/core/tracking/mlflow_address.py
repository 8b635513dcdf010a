"""The address of MLflow's store, and whether it exists and answers; without MLflow, which takes seconds to import."""

import os
from pathlib import Path

from components.core.base.errors import Outage
from components.core.base.http import NoResponse, request
from components.core.base.secret_masking import without_secrets
from components.core.base.workspace import WORKSPACE

_PATIENCE = 4.0  # seconds


def tracking_uri() -> str:
    """Return the store's address: MLFLOW_TRACKING_URI, else the workspace's SQLite file."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(WORKSPACE / 'mlflow' / 'mlflow.db').resolve()}"


def store_exists() -> bool:
    """Return False when the embedded store has not been made yet; True for any other store."""
    uri = tracking_uri()
    return not uri.startswith("sqlite:///") or Path(uri.removeprefix("sqlite:///")).is_file()


def store_address() -> str:
    """Return the store's address without a login, for messages."""
    return without_secrets(tracking_uri())


def require_answer() -> None:
    """Raise Outage within seconds when the store is a server that does not answer.

    For commands that a person waits for: MLflow's own client goes on trying for minutes.
    """
    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        try:
            request(f"{uri.rstrip('/')}/health", timeout=_PATIENCE)
        except NoResponse as error:
            raise Outage(f"MLflow at {store_address()} does not answer: {without_secrets(str(error))}") from None
