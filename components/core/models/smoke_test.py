"""The smoke test of a model: a fresh process fetches, loads and runs it as production does (smoke_trial.py)."""

import subprocess
import sys
import time
from dataclasses import dataclass
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
_POLL_SECONDS = 0.05
_PREFIX = "stemline: "  # of the line in which a step reports an error


class NotTestedError(Outage):
    """The model could not be tested for a reason outside it: an outage, a full disk, a killed process."""


@dataclass(frozen=True)
class TimeLimits:
    """The longest times in seconds for fetching and loading the model, and for separating with it."""

    loading: float = 1800.0
    separating: float = 600.0


_LIMITS = TimeLimits()


class SmokeResult(Document):
    """The measurements of the smoke test.

    times_real_time   seconds of music separated in a second of CPU time on one core; other load does not count
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


def run_smoke_test(address: str, limits: TimeLimits = _LIMITS) -> SmokeResult:
    """Test the model at `address` in a separate process.

    Raises UserError when the model does not work or separates too slowly, and NotTestedError when it could not be
    tested; a slow store is not the fault of the model.
    """
    code, output, errors = _run(address, limits)
    if code < 0:
        raise NotTestedError(f"{address} could not be tested: the process was killed by signal {-code}")
    if code == ExitCode.OUTAGE:
        raise NotTestedError(f"{address} could not be tested: {_reason(code, errors)}")
    if code:
        raise UserError(f"{address} does not work in a fresh process: {_reason(code, errors)}")
    return SmokeResult.parse(output.splitlines()[-1], f"the result of the smoke test of {address}")


def _reason(code: int, errors: str) -> str:
    """Return the error line of the process for its user; without one, its last line."""
    lines = [line for line in errors.splitlines() if line.strip()]
    reported = [line.removeprefix(_PREFIX) for line in lines if line.startswith(_PREFIX)]
    return (reported or lines or [f"exit code {code}"])[-1]


def _run(address: str, limits: TimeLimits) -> tuple[int, str, str]:
    """Return exit code, output and errors of the process that tests the model; end it when it takes too long."""
    command = bind_to_this_process([sys.executable, "-m", _TRIAL, address])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            output, errors = _wait(process, address, limits)
        except BaseException:
            process.kill()
            raise
    return process.returncode, output.decode(errors="replace"), errors.decode(errors="replace")


def _wait(process: "subprocess.Popen[bytes]", address: str, limits: TimeLimits) -> tuple[bytes, bytes]:
    began, loaded = time.monotonic(), False
    while True:
        try:
            return process.communicate(timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired as running:
            if not loaded and LOADED.encode() in (running.stdout or b""):
                began, loaded = time.monotonic(), True
        elapsed = time.monotonic() - began
        if loaded and elapsed > limits.separating:
            raise UserError(f"{address} did not separate {SECONDS:g} s of music in {limits.separating:g} s")
        if not loaded and elapsed > limits.loading:
            raise NotTestedError(
                f"{address} could not be tested: it was not fetched and loaded in {limits.loading:g} s"
            )
