"""HTTP requests to a server. They return its response, or raise an error of one line."""

import json
import time
from dataclasses import dataclass
from typing import Any

import requests

from components.core.base.errors import UserError

CONNECT, READ = 3.0, 10.0
"""Timeouts in seconds."""

_OK = 200

Auth = tuple[str, str] | None


@dataclass(frozen=True)
class Response:
    """A server's response; `sent` and `received` are times of this machine's clock, in seconds since 1970."""

    status: int
    body: str
    date: str
    sent: float
    received: float

    @property
    def is_ok(self) -> bool:
        return self.status == _OK

    @property
    def milliseconds(self) -> float:
        return 1000 * (self.received - self.sent)

    def text(self) -> str:
        """Return the body; raises UserError for any other status than 200."""
        if not self.is_ok:
            body = " ".join(self.body.split())[:200]
            raise UserError(f"it answers {self.status}{f': {body}' if body else ''}")
        return self.body.strip()

    def json(self) -> Any:
        """Return the value of the JSON body; raises UserError for another status than 200, or another body."""
        try:
            return json.loads(self.text())
        except json.JSONDecodeError:
            raise UserError("it does not answer with JSON: another program listens there") from None


class NoResponse(UserError):  # noqa: N818
    """No server answers HTTP at the address."""


def request(
    url: str, payload: Any = None, auth: Auth = None, headers: dict[str, str] | None = None, timeout: float = READ
) -> Response:
    """GET `url`, or POST `payload` as JSON; raises NoResponse when no response comes within `timeout` seconds."""
    method = "GET" if payload is None else "POST"
    sent = time.time()
    try:
        response = requests.request(
            method, url, json=payload, auth=auth, headers=headers, timeout=(CONNECT, timeout), allow_redirects=False
        )
    except requests.RequestException as error:
        raise NoResponse(_reason(error)) from None
    received = time.time()
    return Response(response.status_code, response.text, response.headers.get("Date", ""), sent, received)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT:g} s"
    if isinstance(error, requests.ReadTimeout):
        return "it accepts the connection and does not answer"
    if isinstance(error, requests.exceptions.SSLError):
        return f"its certificate is not accepted ({error})"
    text = str(error)
    return next((reason for sign, reason in _REASONS.items() if sign in text), f"{type(error).__name__}: {text}")


_REASONS = {
    "Connection refused": "nothing listens there (connection refused)",
    "Name or service not known": "no such host",
    "Temporary failure in name resolution": "no such host, or no name server",
    "NameResolutionError": "no such host",
}
"""Texts in errors of requests, and what they mean to a user."""
