"""Outages: messages while a client retries, and the functions that recognise an outage among the errors.

The clients of MLflow and Prefect retry for four minutes (MLFLOW_HTTP_REQUEST_MAX_RETRIES, PREFECT_CLIENT_MAX_RETRIES)
and write that only to their logs; `report_waiting` shows it to the user. A server that answers with a server error
(5xx) counts as an outage too: the database behind it may be restarting.
"""

import logging
import sys
import time

from components.core.base.errors import Outage
from components.core.base.secret_masking import without_secrets

_INTERVAL = 2.0  # seconds between two lines about one server; several threads may use the same client
# of requests; of SQLAlchemy and the databases' drivers; of httpx, which Prefect uses; of botocore
_CONNECTION_ERRORS = {"RequestException", "OperationalError", "TransportError", "HTTPClientError"}
_STATUS_ERROR = "HTTPStatusError"  # of httpx and Prefect, for any status from 400 on
_SERVER_ERROR = 500
# of botocore, as DVC prints them; the last two follow five tries that a store answered with an error
_OUTAGE_TEXTS = (
    "Could not connect to the endpoint", "timeout on endpoint URL", "Connection was closed before we received",
    "Failed to connect to proxy", "An error occurred (50", "(reached max retries",
)  # fmt: skip


class _WaitingReporter(logging.Filter):
    """Turns a client's log records of retries into one line on stderr."""

    def __init__(self, beginnings: tuple[str, ...], about: str, server: str) -> None:
        super().__init__()
        self._beginnings, self._about, self._server = beginnings, about, server
        self._last = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record stays in the log."""
        if not str(record.msg).startswith(self._beginnings) or self._about not in record.getMessage():
            return record.levelno >= logging.WARNING
        if time.monotonic() - self._last > _INTERVAL:
            self._last = time.monotonic()
            print(f"waiting for {self._server}: it does not answer; trying again", file=sys.stderr, flush=True)
        return False


def report_waiting(logger: str, beginnings: tuple[str, ...], server: str, about: str = "") -> None:
    """Print `waiting for <server>` for each record of `logger` with one of the `beginnings` that contains `about`."""
    client = logging.getLogger(logger)
    client.setLevel(logging.DEBUG)  # the level at which some clients log a retry
    for old in [one for one in client.filters if isinstance(one, _WaitingReporter)]:
        client.removeFilter(old)
    client.addFilter(_WaitingReporter(beginnings, about, server))


def reports_outage(line: str) -> bool:
    """Return whether a line of another program's output reports that a store or server did not answer."""
    return any(text in line for text in _OUTAGE_TEXTS)


def is_outage(error: BaseException) -> bool:
    """Return whether the error, or one that it follows from, is a server or store that did not answer."""
    return isinstance(error, Outage) or outage_reason(error) is not None


def outage_reason(error: BaseException) -> str | None:
    """Return one line about `error` when a failed connection caused it; else None."""
    cause: BaseException | None = error
    while cause is not None:
        if _is_connection_error(cause):
            lines = str(error).splitlines() or [type(error).__name__]  # a timeout of httpx has no message
            return without_secrets(lines[0])[:300]
        cause = cause.__cause__ or cause.__context__
    return None


def _is_connection_error(error: BaseException) -> bool:
    names = {base.__name__ for base in type(error).__mro__}  # by name: this module imports none of the clients
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return bool(names & _CONNECTION_ERRORS) or (_STATUS_ERROR in names and status >= _SERVER_ERROR)
