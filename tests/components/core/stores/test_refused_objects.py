"""A bucket that refuses one object: that one fails with its reason; a bucket that refuses all stops the job."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from components.core.stores.opening import AnyStore, open_store
from components.core.stores.store import RecordingRefused, StoreFault
from tests.support.http_server import serve_requests

GIVEN, ARCHIVED, DENIED = "", "InvalidObjectState", "AccessDenied"
Serve = Callable[[Mapping[str, str]], AbstractContextManager[AnyStore]]


def _listing(objects: Mapping[str, str]) -> str:
    rows = "".join(
        f"<Contents><Key>m/{key}</Key><Size>3</Size><ETag>1</ETag>"
        f"<StorageClass>{'GLACIER' if refusal == ARCHIVED else 'STANDARD'}</StorageClass></Contents>"
        for key, refusal in objects.items()
    )
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"


@contextmanager
def _serve(objects: Mapping[str, str]) -> Iterator[str]:
    """Yield the address of an S3 store that lists `objects` of a bucket, and refuses each that has an error code."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            key = unquote(address.path).rpartition("/")[2]
            if "list-type" in address.query:
                self._answer(200, _listing(objects).encode())
            elif objects.get(key, GIVEN) == GIVEN:
                self._answer(200, b"abc")
            else:
                self._answer(403, f"<Error><Code>{objects[key]}</Code><Message>no</Message></Error>".encode())

        def do_HEAD(self) -> None:
            self._answer(200, b"abc", is_sent=False)

        def _answer(self, status: int, body: bytes, is_sent: bool = True) -> None:
            self.send_response(status)
            self.send_header("Connection", "close")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", "1")
            self.end_headers()
            if is_sent:
                self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with serve_requests(Handler) as address:
        yield address


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    @contextmanager
    def opened(objects: Mapping[str, str]) -> Iterator[AnyStore]:
        with _serve(objects) as address:
            for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "ENDPOINT_URL": address}.items():
                monkeypatch.setenv(f"AWS_{name}", value)
            yield open_store("s3://music/m", patience=0.5)

    return opened


@pytest.mark.parametrize(
    ("refusal", "says"),
    [(ARCHIVED, r"archived \(GLACIER\): restore it"), (DENIED, "access to it is denied, and others")],
)
def test_an_object_that_is_refused_alone_names_its_reason(
    serve: Serve, tmp_path: Path, refusal: str, says: str
) -> None:
    with serve({"old.wav": refusal, "a.wav": GIVEN, "b.wav": GIVEN}) as store:
        entries = {entry.key: entry for entry in store.recordings()}
        with pytest.raises(RecordingRefused, match=says):
            store.fetch(entries["old.wav"], tmp_path)
        assert store.fetch(entries["a.wav"], tmp_path).read_bytes() == b"abc"


def test_a_bucket_that_refuses_everything_is_a_fault_of_the_store(serve: Serve, tmp_path: Path) -> None:
    with serve(dict.fromkeys(("a.wav", "b.wav", "c.wav"), DENIED)) as store:
        [first, *_] = store.recordings()
        with pytest.raises(StoreFault, match="access denied"):
            store.fetch(first, tmp_path)
