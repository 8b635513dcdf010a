"""Python programs that a check starts: what they print, or in one line why they could not do it."""

import signal
import subprocess
import sys

from components.core.base.errors import UserError


def run_module(module: str, *arguments: str, seconds: float) -> str:
    """Return what `python -m module` prints; raises UserError when it fails or takes longer than `seconds`."""
    command = [sys.executable, "-m", module, *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise UserError(f"{module} did not end within {seconds:g} s") from None
    if result.returncode < 0:
        raise UserError(f"{module} crashed ({signal.Signals(-result.returncode).name})")
    if result.returncode:
        raise UserError(_last_line(result.stderr) or f"{module} ended with exit code {result.returncode}")
    return result.stdout


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
