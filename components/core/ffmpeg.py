"""Decoding by ffmpeg: what libsndfile cannot read, and one stream out of a stem.mp4."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from components.core.errors import UserError

# The file comes from outside: it may name no other file and no URL. So no protocol but files, and of these only formats
# that hold their samples themselves (a playlist called song.m4a would be followed to any file of this machine).
_FORMATS = "aac,ac3,aiff,amr,ape,asf,au,caf,eac3,flac,matroska,mov,mp3,ogg,tta,w64,wav,wv"
_INPUT = ["-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe", "-format_whitelist", _FORMATS]


def find_tool(name: str) -> str:
    """Return the path of `ffmpeg` or `ffprobe`; raises UserError that says how to get it."""
    beside_python = Path(sys.executable).parent
    found = shutil.which(name) or shutil.which(name, path=str(beside_python))
    if found is None:
        raise UserError(f"{name} is not on PATH: `make setup` installs it, or `sudo apt-get install ffmpeg`")
    return found


def put_on_path() -> None:
    """Let packages that look for ffmpeg on PATH (stempeg, under musdb) find the one of this environment."""
    folder = str(Path(find_tool("ffmpeg")).parent)
    if folder not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]


def probe_streams(path: Path) -> list[dict[str, Any]]:
    """Return ffprobe's description of the audio streams of `path`, in their order; raises UserError if unreadable."""
    command = [find_tool("ffprobe"), *_INPUT[1:], "-select_streams", "a", "-show_streams", "-of", "json"]
    result = subprocess.run([*command, f"file:{path}"], capture_output=True, text=True, check=False)
    if result.returncode:
        raise UserError(f"{path} is not readable audio: {_last_line(result.stderr)}")
    streams: list[dict[str, Any]] = json.loads(result.stdout).get("streams", [])
    return streams


@contextmanager
def decoded(path: Path, stream: int) -> Iterator[IO[bytes]]:
    """Yield the interleaved little-endian float32 samples of audio stream `stream` as a pipe.

    Raises UserError when ffmpeg fails, also when that shows only after the last sample.
    """
    command = [find_tool("ffmpeg"), *_INPUT, "-i", f"file:{path}", "-map", f"0:a:{stream}", "-f", "f32le", "-"]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        except BaseException:
            process.kill()
            raise
        process.stdout.close()
        if process.wait() != 0:  # below zero: killed, or crashed on what the file holds
            log.seek(0)
            raise UserError(f"{path} is not readable audio: {_last_line(log.read().decode(errors='replace'))}")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"
