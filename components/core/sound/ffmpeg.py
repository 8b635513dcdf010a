"""Decode audio with ffmpeg, in a process of its own with limits on memory and waiting time.

ffmpeg decodes compressed files and single streams of a stem.mp4. A hostile file that makes it crash, hang or use all
memory ends that process only.
"""

import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import Thread
from typing import IO, Any

from components.core.base.errors import UserError
from components.core.sound.errors import DecodingError

PATIENCE = 120.0
"""Seconds that a tool may return nothing; then it counts as stuck."""

_MEMORY = 1 << 30
_LARGEST_ANSWER = 1 << 24
_LOG_PIECE = 4096

# ffmpeg must open no other file and no URL. So only the protocols of files are allowed, and only formats that hold
# their own samples: ffmpeg would follow a playlist called song.m4a to any file of this machine.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,caf,dsf,dts,dtshd,eac3,flac,iff,matroska,mov,mp3,mpc,mpc8,ogg,tak,tta,w64,wav,wv"
)
_INPUT = ["-v", "error", "-protocol_whitelist", "file,pipe,subfile", "-format_whitelist", _FORMATS]

_CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP})
_TOLD_TO_END = 255  # the exit code of an ffmpeg that got SIGTERM or SIGINT
_REPEATED = re.compile(r"\s*Last message repeated")
_ADDRESS = re.compile(r"^\[(.+?) @ 0x[0-9a-f]+\] ")


def find_tool(name: str) -> str:
    """Return the path of `ffmpeg` or `ffprobe`; raises UserError that says how to get it."""
    beside_python = Path(sys.executable).parent
    found = shutil.which(name) or shutil.which(name, path=str(beside_python))
    if found is None:
        raise UserError(f"{name} is not on PATH: `make setup` installs it, or `sudo apt-get install ffmpeg`")
    return found


def add_ffmpeg_to_path() -> None:
    """Add the folder of this environment's ffmpeg to PATH, where stempeg (used by musdb) looks for it."""
    folder = str(Path(find_tool("ffmpeg")).parent)
    if folder not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]


def probe_streams(path: Path, patience: float = PATIENCE) -> list[dict[str, Any]]:
    """Return ffprobe's description of the audio streams of `path`, in their order; raises DecodingError."""
    entries = "stream=codec_name,sample_rate,channels,channel_layout,duration"
    streams: list[dict[str, Any]] = _probe(path, ["-select_streams", "a", "-show_entries", entries], patience).get(
        "streams", []
    )
    return streams


def probe_tags(path: Path, patience: float = PATIENCE) -> dict[str, str]:
    """Return the tags of a file by the names that it or ffprobe gives them; raises DecodingError."""
    tags: dict[str, str] = _probe(path, ["-show_entries", "format_tags"], patience).get("format", {}).get("tags", {})
    return tags


def _probe(path: Path, options: list[str], patience: float) -> dict[str, Any]:
    command = [find_tool("ffprobe"), *_INPUT, *options, "-of", "json", f"file:{path}"]
    with _running(command, path, patience) as output:
        text = output.read(_LARGEST_ANSWER)
    answer: dict[str, Any] = json.loads(text)  # when ffprobe ended well; what it writes before a failure is not JSON
    return answer


class ToolOutput:
    """The output of a tool, read with a timeout."""

    def __init__(self, pipe: IO[bytes], path: Path, patience: float) -> None:
        """Read `pipe`, the output for the file `path`; `patience` is the timeout in seconds."""
        self._descriptor, self._path, self._patience = pipe.fileno(), path, patience
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end; raises DecodingError when nothing comes for too long."""
        parts = []
        while size and (part := self._next(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _next(self, size: int) -> bytes:
        # only the waiting counts, not the time that a reader takes in between
        if not self._poll.poll(self._patience * 1000):
            raise DecodingError(self._path, f"the decoder gave nothing for {self._patience:g} s")
        return os.read(self._descriptor, size)


@dataclass(frozen=True)
class Decoding:
    """The settings of a decoding by ffmpeg.

    stream         number of the audio stream
    start, end     bytes of the file that are read; an end of None is the end of the file
    options        options of the format's reader
    returns_all    whether all decoded samples are returned, also those that the container does not count
    sample_format  ffmpeg's name of the samples' format
    """

    stream: int
    start: int = 0
    end: int | None = None
    options: tuple[str, ...] = ()
    returns_all: bool = False
    sample_format: str = "f32le"

    def arguments(self, path: Path) -> list[str]:
        """Return the arguments of ffmpeg."""
        address = f"file:{path}"
        if self.start or self.end is not None:
            end = path.stat().st_size if self.end is None else self.end
            address = f"subfile,,start,{self.start},end,{end},,:{address}"
        flags = ["-flags2", "+skip_manual"] if self.returns_all else []
        source = [*_INPUT, *flags, *self.options, "-i", address]
        return [*source, "-map", f"0:a:{self.stream}", "-f", self.sample_format, "-"]


@contextmanager
def decode_stream(path: Path, decoding: Decoding, patience: float = PATIENCE) -> Iterator[ToolOutput]:
    """Yield the interleaved samples of an audio stream.

    They keep the rate and channels that the stream begins with. Raises DecodingError when ffmpeg fails, also when that
    shows only after the last sample, or gives nothing for `patience` seconds.
    """
    # one thread: the cores are taken by other recordings
    command = [find_tool("ffmpeg"), "-nostdin", "-threads", "1", *decoding.arguments(path)]
    with _running(command, path, patience) as output:
        yield output


@cache
def version() -> str:
    """Return the name and version of ffmpeg, such as `ffmpeg 6.0`."""
    command = [find_tool("ffmpeg"), "-version"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False, timeout=PATIENCE)
    words = answer.stdout.decode(errors="replace").split()
    return f"ffmpeg {words[2]}" if words[:2] == ["ffmpeg", "version"] else "ffmpeg"


@contextmanager
def _running(command: list[str], path: Path, patience: float) -> Iterator[ToolOutput]:
    """Run a tool on the file `path` and check its exit code; keep only the end of its messages."""
    said: deque[bytes] = deque(maxlen=2)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        _limit_memory(process.pid)
        listener = Thread(target=said.extend, args=(iter(partial(process.stderr.read, _LOG_PIECE), b""),))
        listener.start()
        try:
            yield ToolOutput(process.stdout, path, patience)
            code = _ended(process, path, patience)
        finally:
            process.kill()  # nothing happens to one that has ended
            listener.join()
    if code:
        raise _failure(code, path, b"".join(said))


def _limit_memory(process_id: int) -> None:
    if sys.platform == "linux":
        with suppress(ProcessLookupError):  # it has ended
            resource.prlimit(process_id, resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _ended(process: "subprocess.Popen[bytes]", path: Path, patience: float) -> int:
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        raise DecodingError(path, f"the decoder did not end for {patience:g} s") from None


def _failure(code: int, path: Path, said: bytes) -> UserError:
    if -code in _CRASHES:
        return DecodingError(path, f"the decoder crashed on it ({signal.Signals(-code).name})")
    if code < 0 or code == _TOLD_TO_END:
        return UserError(f"{path}: the decoder was killed, perhaps for lack of memory: free some memory and try again")
    return DecodingError(path, _last_line(said, path))


def _last_line(said: bytes, path: Path) -> str:
    """Return the last line of a tool's messages without the name of the file and memory addresses, which vary."""
    name = os.fsencode(path)
    text = said.replace(b"file:" + name + b": ", b"").replace(name + b": ", b"").decode(errors="replace")
    lines = [line for line in text.strip().splitlines() if not _REPEATED.match(line)]
    return _ADDRESS.sub(r"\1: ", lines[-1]) if lines else "no reason given"
