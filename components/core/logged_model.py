"""A model among the artifacts of its training's run, as MLflow serves and compares models: with its signature."""

import warnings
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import mlflow
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from components.core import tracking
from components.core.bundle import Model
from components.core.model_store import BUNDLE
from components.core.networks.registry import ARCHITECTURES

_PROJECT = Path(__file__).parents[2]
_REQUIREMENTS = ("torch", "torchaudio", "numpy", "safetensors", "pydantic", "soundfile", "soxr", "pandas", "filelock")
_DIGEST = "sha256"


@dataclass(frozen=True)
class Logged:
    """What MLflow calls a model that was logged: its address and its id."""

    model_uri: str
    model_id: str


def logged_model(client: mlflow.MlflowClient, run: tracking.RunRef, folder: Path, model: Model) -> Logged:
    """Return the model of the folder as it was logged to `run`: now, or before if the same weights are there."""
    found = _found(client, run, model.digest)
    if found is not None:
        return found
    with tracking.active(run), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logged = mlflow.pyfunc.log_model(
            name=BUNDLE,
            python_model=str(Path(__file__).with_name("serving.py")),
            artifacts={BUNDLE: str(folder)},
            code_paths=[str(_PROJECT / "components")],
            signature=_signature(model),
            pip_requirements=_requirements(model),
        )
    client.set_logged_model_tags(logged.model_id, {_DIGEST: model.digest})
    return Logged(logged.model_uri, logged.model_id)


def _found(client: mlflow.MlflowClient, run: tracking.RunRef, digest: str) -> Logged | None:
    experiment = client.get_run(run.run_id).info.experiment_id
    for logged in client.search_logged_models([experiment], filter_string=f"source_run_id = '{run.run_id}'"):
        if logged.tags.get(_DIGEST) == digest:
            return Logged(logged.model_uri, logged.model_id)
    return None


def _signature(model: Model) -> ModelSignature:
    mixture = TensorSpec(np.dtype(np.float32), (-1, model.channels, -1))
    stems = TensorSpec(np.dtype(np.float32), (-1, len(model.targets), model.channels, -1))
    return ModelSignature(inputs=Schema([mixture]), outputs=Schema([stems]))


def _requirements(model: Model) -> list[str]:
    """The packages that loading and predicting need, at the versions that are here."""
    names = (*_REQUIREMENTS, *ARCHITECTURES[str(model.network.model_dump()["name"])].packages)
    return [f"{name}=={metadata.version(name).split('+')[0]}" for name in names]
