"""Prefect's settings for a run without a server. Prefect reads them when it is imported, so this comes first."""

import os
import sys
from pathlib import Path

from components.core.base.workspace import WORKSPACE

_CLIENT = {
    # clients wait four minutes for a server that restarts, as MLflow's client does; tasks.py logs the waiting
    "PREFECT_CLIENT_MAX_RETRIES": "7",
    # the server's answer while its PostgreSQL restarts
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
}
_EMBEDDED = {
    "PREFECT_HOME": str((WORKSPACE / "prefect").resolve()),
    # a fresh workspace needs 20 s and more for its database
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # telemetry writes to the same SQLite file, which now and then locks it
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    "PREFECT_LOGGING_LOGGERS_PREFECT_CLIENT_LEVEL": "DEBUG",
    "DVC_NO_ANALYTICS": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def set_prefect_defaults() -> None:
    """Set the variables that the user's environment does not set; PREFECT_API_URL names the server to use."""
    _set_defaults(_CLIENT)
    if "prefect.context" in sys.modules:  # a worker's process imports Prefect first, which then knows older settings
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()
    _set_defaults(_EMBEDDED)
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)  # Prefect makes its database, not the folder


def _set_defaults(values: dict[str, str]) -> None:
    for name, value in values.items():
        os.environ.setdefault(name, value)


set_prefect_defaults()
