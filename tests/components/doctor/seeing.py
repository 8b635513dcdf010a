"""What a check has seen, in the form that tests compare; and small servers that say what they are told to."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from components.doctor.finding import Finding, Findings


def by_name(findings: Findings) -> dict[str, Finding]:
    """Return the findings by what was looked at; a check tells each part once."""
    found = list(findings)
    named = {finding.what: finding for finding in found}
    assert len(named) == len(found), found
    return named


def statuses(findings: Findings) -> dict[str, str]:
    """Return the status of each part."""
    return {name: finding.status.value for name, finding in by_name(findings).items()}


@contextmanager
def answering(answers: Mapping[str, Any], date: str | None = None) -> Iterator[str]:
    """Yield the address of a server that gives `answers` as JSON by path (a number alone: that status), else 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self.rfile.read(length)
            answer = answers.get(self.path.split("?")[0], 404)
            status = answer if isinstance(answer, int) and not isinstance(answer, bool) and answer >= 400 else 200
            body = answer if isinstance(answer, str) else json.dumps(answer)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(timestamp) if date is None else date

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
