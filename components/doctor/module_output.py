"""The output of a Python module that a check runs as a program."""

import signal
import subprocess
import sys

from components.core.base.errors import UserError


def read_module_output(module: str, *arguments: str, seconds: float) -> str:
    """Return the output of `python -m module`; raises UserError when it fails or takes longer than `seconds`."""
    command = [sys.executable, "-m", module, *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise UserError(f"{module} did not end within {seconds:g} s") from None
    if result.returncode < 0:
        raise UserError(f"{module} crashed ({signal.Signals(-result.returncode).name})")
    if result.returncode:
        lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
        raise UserError(lines[-1] if lines else f"{module} ended with exit code {result.returncode}")
    return result.stdout
