"""The field's own encoders and decoders; a test that needs one that is not installed is skipped, and says which."""

import shutil
import subprocess
from pathlib import Path

import pytest

from components.core.sound.ffmpeg import find_tool


def run_tool(name: str, *arguments: str | Path) -> bytes:
    """Run a program and return its output; `name` is also that of its Debian package, or `package/program`."""
    package, _, program = name.rpartition("/")
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: sudo apt-get install {package or program}")
    return subprocess.run([program, *map(str, arguments)], check=True, capture_output=True).stdout


def run_ffmpeg(*arguments: str | Path) -> bytes:
    """Run the project's ffmpeg and return its output."""
    command = [find_tool("ffmpeg"), "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout
