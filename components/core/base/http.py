"""A question to a server over HTTP: its answer, or in one line why there is none."""

import json
import time
from dataclasses import dataclass
from typing import Any

import requests

from components.core.base.errors import UserError

CONNECT, READ = 3.0, 10.0
"""Seconds of patience."""

_FINE = 200

Auth = tuple[str, str] | None


@dataclass(frozen=True)
class Response:
    """What a server said; `sent` and `came` are this machine's clock, in seconds since 1970."""

    status: int
    body: str
    date: str
    sent: float
    came: float

    @property
    def is_fine(self) -> bool:
        return self.status == _FINE

    @property
    def milliseconds(self) -> float:
        return 1000 * (self.came - self.sent)

    def text(self) -> str:
        """Return the body; raises UserError for any other answer than 200."""
        if not self.is_fine:
            raise UserError(f"it answers {self.status}{self._why()}")
        return self.body.strip()

    def json(self) -> Any:
        """Return the body's document; raises UserError for anything else than an answer of 200 with JSON."""
        try:
            return json.loads(self.text())
        except json.JSONDecodeError:
            raise UserError("it answers something else than JSON: another program listens there") from None

    def _why(self) -> str:
        text = " ".join(self.body.split())[:200]
        return f": {text}" if text else ""


class NoResponse(UserError):  # noqa: N818
    """Nothing that speaks HTTP answers there."""


def request(
    url: str, payload: Any = None, auth: Auth = None, headers: dict[str, str] | None = None, patience: float = READ
) -> Response:
    """GET `url`, or POST `payload` as JSON; raises NoAnswer when none comes for `patience` seconds."""
    method = "GET" if payload is None else "POST"
    sent = time.time()
    try:
        response = requests.request(
            method, url, json=payload, auth=auth, headers=headers, timeout=(CONNECT, patience), allow_redirects=False
        )
    except requests.RequestException as error:
        raise NoResponse(_reason(error)) from None
    came = time.time()
    return Response(response.status_code, response.text, response.headers.get("Date", ""), sent, came)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.ConnectTimeout):
        return f"nothing answers within {CONNECT:g} s"
    if isinstance(error, requests.ReadTimeout):
        return "it takes the connection, and says nothing"
    if isinstance(error, requests.exceptions.SSLError):
        return f"its certificate is not accepted ({error})"
    text = str(error)
    for sign, reason in _SIGNS.items():
        if sign in text:
            return reason
    return f"{type(error).__name__}: {text}"


_SIGNS = {
    "Connection refused": "nothing listens there (connection refused)",
    "Name or service not known": "no such host",
    "Temporary failure in name resolution": "no such host, or no name server",
    "NameResolutionError": "no such host",
}
