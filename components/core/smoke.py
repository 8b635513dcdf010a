"""Does a model do what a model must? Tried in a fresh process, that fetches and loads it exactly as production does.

`python -m components.core.smoke ADDRESS`: a few seconds of made-up music are separated, several times, of
which the fastest counts; printed is one line of JSON.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass

from mlflow.exceptions import MlflowException

from components.core.entry import run_step
from components.core.errors import Away, UserError
from components.core.garbage import at_rest
from components.core.lifeline import tied
from components.core.model_store import NOT_THERE
from components.core.secrets import without_secrets
from components.core.waiting import outage

SECONDS = 4.0
_LIMIT = 600.0
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
    command = tied([sys.executable, "-m", "components.core.smoke", address])
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LIMIT)
    except subprocess.TimeoutExpired:
        raise UserError(f"{address} did not separate {SECONDS:g} s of music in {_LIMIT:g} s") from None
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        said = [line.removeprefix("stemline: ") for line in lines if line.startswith("stemline: ")]
        reason = said[-1] if said else (lines[-1] if lines else f"exit code {result.returncode}")
        if result.returncode < 0:
            raise NotTried(f"{address} could not be tried: the process was killed by signal {-result.returncode}")
        if result.returncode == _NOT_TRIED:
            raise NotTried(f"{address} could not be tried: {reason}")
        raise UserError(f"{address} does not work in a fresh process: {reason}")
    found = json.loads(result.stdout.splitlines()[-1])
    return Smoke(**(found | {"targets": tuple(found["targets"])}))


def main() -> None:
    """Separate a little, and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m components.core.smoke", description=__doc__)
    parser.add_argument("address", help="models:/NAME/VERSION, or the folder of a model")
    run_step(lambda: _work(parser.parse_args().address))


def _work(address: str) -> None:
    with at_rest():  # only here: who asks for a try needs no torch
        from components.core.smoke_trial import tried_here
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
