"""Music to acquire, and a server with broken connections."""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from components.core.sound import ffmpeg

SHARED = Path(__file__).parents[3].parent / "shared"


@pytest.fixture(scope="session")
def excerpt() -> Path:
    """The real MUSDB18 excerpt that stempeg ships."""
    ffmpeg.add_ffmpeg_to_path()
    import stempeg

    return Path(stempeg.example_stem_path())


@pytest.fixture(scope="session")
def musdb18_7() -> Path:
    """The real 7-second excerpts; skips the test without them."""
    return _find_shared("musdb18-7")


@pytest.fixture(scope="session")
def mir_1k() -> Path:
    """The real karaoke clips; skips the test without them."""
    return _find_shared("mir-1k")


def _find_shared(name: str) -> Path:
    if not (SHARED / name).is_dir():
        pytest.skip(f"no copy of {name} in ../shared beside the project")
    return SHARED / name


def noise(seed: int, seconds: float = 1.5, rate: int = 44_100, channels: int = 2) -> NDArray[np.float32]:
    """Return quiet noise, `(samples, channels)`."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.1, 0.1, (round(seconds * rate), channels)).astype(np.float32)


@pytest.fixture
def write() -> Callable[..., Path]:
    """Write noise (or `samples`) to a file in any format; ffmpeg writes the formats that libsndfile can't."""

    def write_file(
        path: Path, seed: int = 0, rate: int = 44_100, samples: NDArray[np.float32] | None = None, **shape: float
    ) -> Path:
        data = noise(seed, rate=rate, **shape) if samples is None else samples  # type: ignore[arg-type]
        path.parent.mkdir(parents=True, exist_ok=True)
        wav = path if path.suffix == ".wav" else path.with_name(f"{path.stem}.source.wav")
        soundfile.write(wav, data, rate, subtype="FLOAT")
        if wav != path:
            command = [ffmpeg.find_tool("ffmpeg"), "-nostdin", "-v", "error", "-y", "-i", str(wav), str(path)]
            subprocess.run(command, check=True)
            wav.unlink()
        return path

    return write_file


@pytest.fixture
def song(write: Callable[..., Path]) -> Callable[..., Path]:
    """Make a folder with `vocals` and `drums` (or other `stems`), and optionally their sum as `mixture`."""

    def make(folder: Path, seed: int = 0, stems: tuple[str, ...] = ("vocals", "drums"), mixture: bool = False) -> Path:
        for number, stem in enumerate(stems):
            write(folder / f"{stem}.wav", seed=100 * seed + number)
        if mixture:
            total = np.sum([noise(100 * seed + number) for number in range(len(stems))], axis=0, dtype=np.float32)
            write(folder / "mixture.wav", samples=total)
        return folder

    return make


@pytest.fixture
def stem_mp4(excerpt: Path) -> Callable[[Path], Path]:
    """Copy the real excerpt to a path, as a track of that name."""

    def make(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(excerpt, path))

    return make


class UnreliableServer:
    """A real HTTP server with ranges. It closes the connection after `cut` bytes in the first `cuts` requests."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.cut = 0
        self.cuts = 0
        self.status = 200
        self.ignores_ranges = False
        self.ranges: list[str | None] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, line: UnreliableServer, *arguments: object) -> None:
        self.line = line
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer with the file or the requested range, cut off for the first requests."""
        line, requested = self.line, self.headers.get("Range")
        line.ranges.append(requested)
        body = line.files.get(self.path.partition("?")[0].lstrip("/"))
        if line.status != 200 or body is None:
            self.send_error(line.status if line.status != 200 else 404)
            return
        start = int(requested.removeprefix("bytes=").rstrip("-")) if requested and not line.ignores_ranges else 0
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if requested and not line.ignores_ranges else 200)
        self.send_header("Content-Length", str(len(body) - start))
        if requested and not line.ignores_ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        part = body[start:]
        if line.cuts:
            line.cuts -= 1
            part = part[: line.cut]
        self.wfile.write(part)

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing."""


@pytest.fixture
def line() -> Iterator[UnreliableServer]:
    """A server with no files yet."""
    server = UnreliableServer({})
    yield server
    server.close()
