"""The smoke test of a model: a fresh process fetches, loads and runs it as production does (smoke_trial.py)."""

import subprocess
import sys
import time
from typing import ClassVar

from components.core.base.documents import Document
from components.core.base.errors import Outage, UserError
from components.core.base.exit_codes import ExitCode
from components.core.base.process_lifetime import bind_to_this_process

SECONDS = 4.0
"""Length of the music that the model separates."""

LOADED = "smoke: loaded"
"""The line that the process prints between loading and separating."""

_TRIAL = "components.core.models.smoke_trial"
_FETCHING, _SEPARATING = 1800.0, 600.0  # seconds, at most; a slow store is not the model's fault
_LOOK_EVERY = 1.0
_PREFIX = "stemline: "  # of the line in which a step reports an error


class NotTried(Outage):
    """The model could not be tried, and not because of the model: an outage, a full disk, a killed process."""


class SmokeResult(Document):
    """What the smoke test measured.

    times_real_time   seconds of music separated in a second of one core's own time, so other load does not count
    memory_mb         peak memory of the process
    weights_mb        size of the weights' file
    largest_error     largest difference between the sum of the stems and the mixture, relative to the mixture's peak
    sha256            SHA-256 of the weights
    """

    REMEDY: ClassVar[str] = "try the model again"

    times_real_time: float
    memory_mb: float
    weights_mb: float
    largest_error: float
    targets: tuple[str, ...]
    sha256: str


def run_smoke_test(address: str) -> SmokeResult:
    """Try the model at `address` in a process of its own.

    Raises UserError, one line, when the model does not work, and NotTried when it could not be tried.
    """
    code, output, errors = _run(address)
    if code < 0:
        raise NotTried(f"{address} could not be tried: the process was killed by signal {-code}")
    if code == ExitCode.OUTAGE:
        raise NotTried(f"{address} could not be tried: {_reason(code, errors)}")
    if code:
        raise UserError(f"{address} does not work in a fresh process: {_reason(code, errors)}")
    return SmokeResult.parse(output.splitlines()[-1], f"the result of the smoke test of {address}")


def _reason(code: int, errors: str) -> str:
    """Return the line that the process wrote for its user; else its last line."""
    lines = [line for line in errors.splitlines() if line.strip()]
    reported = [line.removeprefix(_PREFIX) for line in lines if line.startswith(_PREFIX)]
    return (reported or lines or [f"exit code {code}"])[-1]


def _run(address: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of the process that tries the model; end it when it takes too long."""
    command = bind_to_this_process([sys.executable, "-m", _TRIAL, address])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            output, errors = _wait(process, address)
        except BaseException:
            process.kill()
            raise
    return process.returncode, output.decode(errors="replace"), errors.decode(errors="replace")


def _wait(process: "subprocess.Popen[bytes]", address: str) -> tuple[bytes, bytes]:
    began, loaded = time.monotonic(), False
    while True:
        try:
            return process.communicate(timeout=_LOOK_EVERY)
        except subprocess.TimeoutExpired as running:
            if not loaded and LOADED.encode() in (running.stdout or b""):
                began, loaded = time.monotonic(), True
        elapsed = time.monotonic() - began
        if loaded and elapsed > _SEPARATING:
            raise UserError(f"{address} did not separate {SECONDS:g} s of music in {_SEPARATING:g} s")
        if not loaded and elapsed > _FETCHING:
            raise NotTried(f"{address} could not be tried: it was not fetched and loaded in {_FETCHING:g} s")
