"""`python -m components.core.models.smoke_trial ADDRESS`: the process that the smoke test starts.

It fetches and loads the model, separates a few seconds of generated music several times, and prints the fastest time
and the other measurements as one line of JSON.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from mlflow.exceptions import MlflowException
from mlflow.models import get_model_info
from typer import Argument

from components.core.base.errors import UserError
from components.core.base.exit_codes import ExitCode
from components.core.base.outages import outage_reason
from components.core.base.secret_masking import without_secrets
from components.core.base.step_command import run_step_command
from components.core.models.addresses import fetch_model
from components.core.models.model_description import REGISTRY, WEIGHTS
from components.core.models.model_folder import Model, load_model
from components.core.models.smoke_test import LOADED, SECONDS, SmokeResult
from components.core.networks.base.separator import Separator
from components.core.separating.fast import best_precision, for_inference
from components.core.separating.segments import separate_audio
from components.core.sound.decoding import Audio
from components.core.tracking import mlflow_runs

_ROUNDS = 3


def try_model(address: str) -> SmokeResult:
    """Fetch the model, separate a little, and return the measurements; raises UserError when it does not work."""
    with tempfile.TemporaryDirectory() as folder:  # a cache would hide a fault of the store
        place = fetch_model(address, Path(folder)).folder
        model = load_model(place)
        weights = (place / WEIGHTS).stat().st_size
    _require_signature(address, model)
    print(LOADED, flush=True)
    torch.set_num_threads(1)
    mixture = _generate_music(model)
    separator = for_inference(model.separator, best_precision())
    separate_audio(separator, mixture[:, : model.rate // 2])
    seconds, stems = min((_time_separation(separator, mixture) for _ in range(_ROUNDS)), key=lambda timed: timed[0])
    expected = (len(model.targets), model.channels, mixture.shape[1])
    if stems.shape != expected or not np.isfinite(stems).all():
        raise UserError(
            f"{address} returns stems of shape {stems.shape} in place of {expected}, or NaN or infinite samples"
        )
    return SmokeResult(
        times_real_time=mixture.shape[1] / model.rate / seconds,
        memory_mb=_peak_megabytes(),
        weights_mb=weights / 1e6,
        largest_error=float(np.abs(stems.sum(axis=0) - mixture).max() / np.abs(mixture).max()),
        targets=model.targets,
        sha256=model.digest,
    )


def _time_separation(separator: Separator, mixture: Audio) -> tuple[float, Audio]:
    started = time.process_time()
    stems = separate_audio(separator, mixture)
    return time.process_time() - started, stems


def _require_signature(address: str, model: Model) -> None:
    """Raise UserError when the shapes of input and output in the registry differ from the model's."""
    if not address.startswith(REGISTRY):
        return
    signature = get_model_info(address).signature
    shapes = (
        [tuple(part.shape) for schema in (signature.inputs, signature.outputs) for part in schema] if signature else []
    )
    expected = [(-1, model.channels, -1), (-1, len(model.targets), model.channels, -1)]
    if shapes != expected:
        raise UserError(
            f"{address} is registered with the signature {shapes}, but the model has {expected}: register it again"
        )


def _generate_music(model: Model) -> Audio:
    """Return a chord with a beat, always the same: `(channels, samples)`."""
    seconds = np.arange(round(SECONDS * model.rate)) / model.rate
    chord = sum(np.sin(2 * np.pi * hertz * seconds) for hertz in (110.0, 220.0, 277.2, 329.6)) * 0.1
    noise = np.random.default_rng(7).standard_normal((model.channels, seconds.size)) * 0.2
    beat = np.exp(-8 * (seconds % 0.5))
    mixture: Audio = (chord + noise * beat).astype(np.float32)
    return mixture


def _peak_megabytes() -> float:
    """Return the peak memory of this process in MB; 0 where the system does not report it."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM")), 0.0)


def smoke_trial(address: Annotated[str, Argument(help="models:/NAME/VERSION, or the folder of a model")]) -> None:
    """Test a model, and print the measurements."""
    try:
        print(json.dumps(try_model(address).values()))
    except Exception as error:
        if outage_reason(error) is None and not _is_fault_of_machine(error):
            raise
        print(f"stemline: {without_secrets(str(error))}", file=sys.stderr)
        sys.exit(ExitCode.OUTAGE)


def _is_fault_of_machine(error: BaseException) -> bool:
    """Return whether a full disk, a store that does not answer, or the like caused the error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MlflowException) and cause.error_code not in mlflow_runs.NOT_FOUND_CODES:
            return True
        if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


if __name__ == "__main__":
    run_step_command(smoke_trial, "components.core.models.smoke_trial")
