"""Does a model do what a model must? Tried in a fresh process, that fetches and loads it exactly as production does.

`python -m components.core.models.smoke_test ADDRESS`: a few seconds of made-up music are separated, several times, of
which the fastest counts; printed is one line of JSON.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from mlflow.exceptions import MlflowException

from components.core.base.errors import Away, UserError
from components.core.base.garbage_collection import at_rest
from components.core.base.lifeline import tied
from components.core.base.outages import outage
from components.core.base.secrets import without_secrets
from components.core.base.step_command import run_step
from components.core.models.addresses import NOT_THERE

SECONDS = 4.0
LOADED = "smoke: loaded"
"""What the process says between fetching and separating."""

_FETCHING, _SEPARATING = 1800.0, 600.0  # seconds, at most; a store that is slow is not the model's fault
_LOOK_EVERY = 1.0
_NOT_TRIED = 75  # sysexits.h: try again later


class NotTried(Away):
    """The model could not be tried, by no fault of its own: a server was away, a disk full, the process killed."""


@dataclass(frozen=True)
class Smoke:
    """What was seen: speed as a multiple of real time, peak memory and weights in MB, and how far stems miss the mix.

    Speed is that of one core, by its own time, so that what else the machine does counts for nothing.
    `largest_error` is relative to the loudest sample of the mixture; `sha256` is that of the weights.
    """

    times_real_time: float
    memory_mb: float
    weights_mb: float
    largest_error: float
    targets: tuple[str, ...]
    sha256: str


def smoke(address: str) -> Smoke:
    """Try the model at `address` in a process of its own.

    Raises UserError, one line, when it does not work, and NotTried when that could not be seen.
    """
    code, said, complained = _run(address)
    if code:
        lines = [line for line in complained.splitlines() if line.strip()]
        found = [line.removeprefix("stemline: ") for line in lines if line.startswith("stemline: ")]
        reason = found[-1] if found else (lines[-1] if lines else f"exit code {code}")
        if code < 0:
            raise NotTried(f"{address} could not be tried: the process was killed by signal {-code}")
        if code == _NOT_TRIED:
            raise NotTried(f"{address} could not be tried: {reason}")
        raise UserError(f"{address} does not work in a fresh process: {reason}")
    seen = json.loads(said.splitlines()[-1])
    return Smoke(**(seen | {"targets": tuple(seen["targets"])}))


def _run(address: str) -> tuple[int, str, str]:
    """Return exit code and output of the process that tries the model; it is ended where it takes too long."""
    command = tied([sys.executable, "-m", "components.core.models.smoke_test", address])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            said, complained = _waited_for(process, address)
        except BaseException:
            process.kill()
            raise
    return process.returncode, said.decode(errors="replace"), complained.decode(errors="replace")


def _waited_for(process: "subprocess.Popen[bytes]", address: str) -> tuple[bytes, bytes]:
    began, loaded = time.monotonic(), False
    while True:
        try:
            return process.communicate(timeout=_LOOK_EVERY)
        except subprocess.TimeoutExpired as still:
            if not loaded and LOADED.encode() in (still.stdout or b""):
                began, loaded = time.monotonic(), True
        took = time.monotonic() - began
        if loaded and took > _SEPARATING:
            raise UserError(f"{address} did not separate {SECONDS:g} s of music in {_SEPARATING:g} s")
        if not loaded and took > _FETCHING:
            raise NotTried(f"{address} could not be tried: it was not fetched and loaded in {_FETCHING:g} s")


def main() -> None:
    """Separate a little, and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m components.core.models.smoke_test", description=__doc__)
    parser.add_argument("address", help="models:/NAME/VERSION, or the folder of a model")
    run_step(lambda: _work(parser.parse_args().address))


def _work(address: str) -> None:
    with at_rest():  # only here: who asks for a try needs no torch
        from components.core.models.smoke_trial import tried_here
    try:
        print(json.dumps(asdict(tried_here(address))))
    except Exception as error:
        if outage(error) is None and not _is_of_the_machine(error):
            raise
        print(f"stemline: {without_secrets(str(error))}", file=sys.stderr)
        sys.exit(_NOT_TRIED)


def _is_of_the_machine(error: BaseException) -> bool:
    """Whether a full disk, a store that is away, or the like is behind it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MlflowException) and seen.error_code not in NOT_THERE:
            return True
        if isinstance(seen, OSError) and not isinstance(seen, FileNotFoundError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


if __name__ == "__main__":
    main()
