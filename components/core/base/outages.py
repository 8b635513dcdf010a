"""Servers that restart are waited for by their own clients; this says so, and what it is when one stays away.

MLflow's client asks again for four minutes (MLFLOW_HTTP_REQUEST_MAX_RETRIES), and Prefect's does as well
(PREFECT_CLIENT_MAX_RETRIES, in pipelines/running/prefect_environment.py).
Both say so only in their logs.
A server that answers, and says that it cannot (5xx), is away as well: the database below it may be restarting.
"""

import logging
import sys
import time

from components.core.base.secrets import without_secrets

_EVERY = 2.0  # seconds between two lines about one server, of which several threads may ask something
# of requests; of SQLAlchemy and the databases' drivers; of httpx, which is Prefect's; of botocore
_OUTAGES = {"RequestException", "OperationalError", "TransportError", "HTTPClientError"}
_REFUSAL = "HTTPStatusError"  # of httpx, and of Prefect, for any answer from 400 on
_SERVER_ERROR = 500
# of botocore, as DVC hands them on; the last two are of stores that answer that they can't, five times
_WORDS = (
    "Could not connect to the endpoint", "timeout on endpoint URL", "Connection was closed before we received",
    "Failed to connect to proxy", "An error occurred (50", "(reached max retries",
)  # fmt: skip


class _Waiting(logging.Filter):
    """Turns a client's records of another try into one line on stderr."""

    def __init__(self, words: tuple[str, ...], about: str, server: str) -> None:
        super().__init__()
        self._words, self._about, self._server = words, about, server
        self._said = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record stays in the log."""
        if not str(record.msg).startswith(self._words) or self._about not in record.getMessage():
            return record.levelno >= logging.WARNING
        if time.monotonic() - self._said > _EVERY:
            self._said = time.monotonic()
            print(f"waiting for {self._server}: it does not answer, and is asked again", file=sys.stderr, flush=True)
        return False


def report_waiting(logger: str, words: tuple[str, ...], server: str, about: str = "") -> None:
    """Say `waiting for <server>` for each record of `logger` that begins with one of `words` and contains `about`."""
    found = logging.getLogger(logger)
    found.setLevel(logging.DEBUG)  # some clients say it there
    for old in [one for one in found.filters if isinstance(one, _Waiting)]:
        found.removeFilter(old)
    found.addFilter(_Waiting(words, about, server))


def reports_outage(line: str) -> bool:
    """Return whether a line of a program that is not ours says that a store or server did not answer it."""
    return any(words in line for words in _WORDS)


def outage_reason(error: BaseException) -> str | None:
    """Return in a line what did not answer, when that is why `error` was raised; else None."""
    seen: BaseException | None = error
    while seen is not None:
        if _is_outage(seen):
            said = str(error).splitlines() or [type(error).__name__]  # a timeout of httpx says nothing
            return without_secrets(said[0])[:300]
        seen = seen.__cause__ or seen.__context__
    return None


def _is_outage(error: BaseException) -> bool:
    names = {base.__name__ for base in type(error).__mro__}
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return bool(names & _OUTAGES) or (_REFUSAL in names and status >= _SERVER_ERROR)
