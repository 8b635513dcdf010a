"""A model among the artifacts of its training's run, as MLflow serves and compares models: with its signature."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import mlflow
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from components.core.models.bundle import Model
from components.core.models.registry_names import MODEL_FOLDER
from components.core.networks.registry import ARCHITECTURES
from components.core.tracking import mlflow_runs
from components.core.tracking.code_dependencies import ROOT, imported_files

_SERVING = "components.core.models.serving"
_REQUIREMENTS = ("torch", "torchaudio", "numpy", "safetensors", "pydantic", "soundfile", "soxr", "pandas", "filelock")
_DIGEST = "sha256"


@dataclass(frozen=True)
class Logged:
    """A model logged to MLflow: its address and its id."""

    model_uri: str
    model_id: str


def logged_model(client: mlflow.MlflowClient, run: mlflow_runs.RunRef, folder: Path, model: Model) -> Logged:
    """Return the model of the folder as it was logged to `run`: now, or before if the same weights are there."""
    found = _found(client, run, model.digest)
    if found is not None:
        return found
    with mlflow_runs.active_run(run), _served_code(model) as code, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logged = mlflow.pyfunc.log_model(
            name=MODEL_FOLDER,
            python_model=str(Path(__file__).with_name("serving.py")),
            artifacts={MODEL_FOLDER: str(folder)},
            code_paths=[str(code)],
            signature=_signature(model),
            pip_requirements=_requirements(model),
        )
    client.set_logged_model_tags(logged.model_id, {_DIGEST: model.digest})
    return Logged(logged.model_uri, logged.model_id)


@contextmanager
def _served_code(model: Model) -> Iterator[Path]:
    """Yield a folder with the code that serving imports, and no more: each file is a request to MLflow's server."""
    with tempfile.TemporaryDirectory() as folder:
        for file in imported_files([_SERVING], _network_name(model)):
            copy = Path(folder, file.relative_to(ROOT))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        yield Path(folder, _SERVING.split(".")[0])


def _found(client: mlflow.MlflowClient, run: mlflow_runs.RunRef, digest: str) -> Logged | None:
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
    names = (*_REQUIREMENTS, *ARCHITECTURES[_network_name(model)].packages)
    return [f"{name}=={metadata.version(name).split('+')[0]}" for name in names]


def _network_name(model: Model) -> str:
    return str(model.network.model_dump()["name"])
