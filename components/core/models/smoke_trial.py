"""The try itself, in the fresh process that core.smoke starts."""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from mlflow.models import get_model_info

from components.core.base.errors import UserError
from components.core.models.addresses import REGISTRY, fetch_model
from components.core.models.bundle import Model, load_model
from components.core.models.smoke_test import LOADED, SECONDS, Smoke
from components.core.networks.separator import Separator
from components.core.separating.fast import best_precision, for_inference
from components.core.separating.segments import separate_all
from components.core.sound.decoding import Audio

_ROUNDS = 3


def tried_here(address: str) -> Smoke:
    """Fetch the model, separate a little, and return what was seen; raises UserError when it does not work."""
    with tempfile.TemporaryDirectory() as folder:  # fetched anew: what lies in a cache proves nothing about the store
        place = fetch_model(address, Path(folder)).folder
        model = load_model(place)
        weights = (place / "weights.safetensors").stat().st_size
    _require_signature(address, model)
    print(LOADED, flush=True)
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
    time_ = np.arange(round(SECONDS * model.rate)) / model.rate
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
