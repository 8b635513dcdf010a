"""Does a model do what a model must? Tried in a fresh process, that fetches and loads it exactly as production does.

`python -m components.core.smoke ADDRESS`: a few seconds of made-up music are separated, several times, of
which the fastest counts; printed is a line when the model is loaded, then one of JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from mlflow.exceptions import MlflowException
from mlflow.models import get_model_info

from components.core.audio import Audio
from components.core.bundle import Model, load_model
from components.core.entry import run_step
from components.core.errors import Away, UserError
from components.core.inference import best_precision, for_inference
from components.core.lifeline import tied
from components.core.model_store import NOT_THERE, REGISTRY, fetch_model
from components.core.networks.separator import Separator
from components.core.secrets import without_secrets
from components.core.segments import separate_all
from components.core.waiting import outage

_SECONDS = 4.0
_ROUNDS = 3
_FETCHING, _SEPARATING = 1800.0, 600.0  # seconds, at most; a store that is slow is not the model's fault
_LOOK_EVERY = 1.0
_LOADED = "smoke: loaded"  # what the process says in between
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
    command = tied([sys.executable, "-m", "components.core.smoke", address])
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
            if not loaded and _LOADED.encode() in (still.stdout or b""):
                began, loaded = time.monotonic(), True
        took = time.monotonic() - began
        if loaded and took > _SEPARATING:
            raise UserError(f"{address} did not separate {_SECONDS:g} s of music in {_SEPARATING:g} s")
        if not loaded and took > _FETCHING:
            raise NotTried(f"{address} could not be tried: it was not fetched and loaded in {_FETCHING:g} s")


def main() -> None:
    """Separate a little, and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m components.core.smoke", description=__doc__)
    parser.add_argument("address", help="models:/NAME/VERSION, or the folder of a model")
    run_step(lambda: _work(parser.parse_args().address))


def _work(address: str) -> None:
    try:
        print(json.dumps(asdict(_tried(address))))
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


def _tried(address: str) -> Smoke:
    with tempfile.TemporaryDirectory() as folder:  # fetched anew: what lies in a cache proves nothing about the store
        place = fetch_model(address, Path(folder)).folder
        model = load_model(place)
        weights = (place / "weights.safetensors").stat().st_size
    _require_signature(address, model)
    print(_LOADED, flush=True)
    torch.set_num_threads(1)
    mixture = _music(model)
    separator = for_inference(model.separator, best_precision())
    separate_all(separator, mixture[:, : model.rate // 2])
    seconds, stems = min((_timed(separator, mixture) for _ in range(_ROUNDS)), key=lambda timed: timed[0])
    expected = (len(model.targets), model.channels, mixture.shape[1])
    if stems.shape != expected or not np.isfinite(stems).all():
        raise UserError(f"{address} gives {stems.shape} for {expected}, or numbers that are not finite")
    error = float(np.abs(stems.sum(axis=0) - mixture).max() / np.abs(mixture).max())
    speed = mixture.shape[1] / model.rate / seconds
    return Smoke(speed, _peak_megabytes(), weights / 1e6, error, model.targets, model.digest)


def _timed(separator: Separator, mixture: Audio) -> tuple[float, Audio]:
    started = time.process_time()
    stems = separate_all(separator, mixture)
    return time.process_time() - started, stems


def _require_signature(address: str, model: Model) -> None:
    """Raise UserError where the registry says that other shapes go in and out than do, for those who serve it."""
    if not address.startswith(REGISTRY):
        return
    signature = get_model_info(address).signature
    shapes = (
        [tuple(part.shape) for schema in (signature.inputs, signature.outputs) for part in schema] if signature else []
    )
    expected = [(-1, model.channels, -1), (-1, len(model.targets), model.channels, -1)]
    if shapes != expected:
        raise UserError(f"{address} is registered with the signature {shapes}, and it is {expected}: register it again")


def _music(model: Model) -> Audio:
    """A chord with a beat: the same every time."""
    time_ = np.arange(round(_SECONDS * model.rate)) / model.rate
    chord = sum(np.sin(2 * np.pi * hertz * time_) for hertz in (110.0, 220.0, 277.2, 329.6)) * 0.1
    noise = np.random.default_rng(7).standard_normal((model.channels, time_.size)) * 0.2
    beat = np.exp(-8 * (time_ % 0.5))
    mixture: Audio = (chord + noise * beat).astype(np.float32)
    return mixture


def _peak_megabytes() -> float:
    """Of this program alone; where the system does not say, 0."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    main()
