"""Prefect's settings for a run without a server. Imported before Prefect, which reads them when it is imported."""

import os
import sys
from pathlib import Path

from components.core.base.workspace import WORKSPACE

_CLIENT = {
    # a server that restarts is asked again for four minutes, as MLflow's client does; its logger tells when (tasks.py)
    "PREFECT_CLIENT_MAX_RETRIES": "7",
    # what it answers while the PostgreSQL below it restarts
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
}
_EMBEDDED = {
    "PREFECT_HOME": str((WORKSPACE / "prefect").resolve()),
    # making the database of a fresh workspace takes 20 s and more
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # telemetry writes to the same SQLite file at the same time, which now and then locks it
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    "PREFECT_LOGGING_LOGGERS_PREFECT_CLIENT_LEVEL": "DEBUG",
    "DVC_NO_ANALYTICS": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def use_embedded_defaults() -> None:
    """Set what the user's environment leaves open; PREFECT_API_URL, if set, names a server and is used."""
    _set(_CLIENT)
    if "prefect.context" in sys.modules:  # a worker's process is Prefect before it is ours, and has read them already
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()
    _set(_EMBEDDED)
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)  # its database is not made without it


def _set(values: dict[str, str]) -> None:
    for name, value in values.items():
        os.environ.setdefault(name, value)


use_embedded_defaults()
