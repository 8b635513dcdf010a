"""Small HTTP servers of a test."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def serve_requests(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Yield the address of a server of this machine whose requests `handler` answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def serve_answers(answers: Mapping[str, Any], date: str | None = None) -> Iterator[str]:
    """Yield the address of a server that answers a path of `answers` with its JSON, else with 404.

    A number from 400 on is a status. `date` replaces the Date of every answer.
    """

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

    with serve_requests(Handler) as address:
        yield address
