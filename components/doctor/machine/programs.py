"""Programs that are started, not imported."""

import re
import shutil
import subprocess

from components.core.base.errors import UserError
from components.core.sound.ffmpeg import find_tool
from components.doctor.finding import Finding, Findings, ok, problem

_PATIENCE = 10.0  # seconds
_VERSION = re.compile(r"version\s+(\S+)")


def check_programs() -> Findings:
    """Find ffmpeg, ffprobe and git, and start each."""
    for name in ("ffmpeg", "ffprobe"):
        yield _tool(name)
    yield _git()


def _tool(name: str) -> Finding:
    try:
        path = find_tool(name)
    except UserError as error:
        return problem(name, "not found", str(error))
    return _started(name, path, "-version")


def _git() -> Finding:
    path = shutil.which("git")
    if path is None:
        return problem("git", "not found", "sudo apt-get install git: every run carries its commit")
    return _started("git", path, "--version")


def _started(name: str, path: str, option: str) -> Finding:
    try:
        result = subprocess.run([path, option], capture_output=True, text=True, check=True, timeout=_PATIENCE)
    except (OSError, subprocess.SubprocessError) as error:
        return problem(name, f"{path} does not start: {error}", f"install it again: sudo apt-get install {name}")
    found = _VERSION.search(result.stdout)
    return ok(name, f"{found.group(1) if found else 'version unknown'}, {path}")
