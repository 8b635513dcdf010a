"""Logs a model to the MLflow run of its training, with a signature, so that MLflow can serve and compare it."""

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

from components.core.models.model_description import MODEL_FOLDER
from components.core.models.model_folder import Model
from components.core.networks.architecture_registry import ARCHITECTURES, list_architectures
from components.core.tracking import mlflow_runs
from components.core.tracking.code_dependencies import ROOT, imported_files

_SERVING = "components.core.models.serving"
_REQUIREMENTS = ("torch", "torchaudio", "numpy", "safetensors", "pydantic", "soundfile", "soxr", "pandas", "filelock")
_DIGEST = "sha256"


@dataclass(frozen=True)
class LoggedModel:
    """A model in MLflow: its address and its id."""

    model_uri: str
    model_id: str


def log_model(client: mlflow.MlflowClient, run: mlflow_runs.RunRef, folder: Path, model: Model) -> LoggedModel:
    """Log the model in `folder` to `run`, and return it; a model with the same weights is not logged again."""
    earlier = _find_logged(client, run, model.digest)
    if earlier is not None:
        return earlier
    with mlflow_runs.active_run(run), _copy_serving_code(model) as code, warnings.catch_warnings():
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
    return LoggedModel(logged.model_uri, logged.model_id)


@contextmanager
def _copy_serving_code(model: Model) -> Iterator[Path]:
    """Yield a folder with only the code that serving imports, because MLflow uploads each file in a request."""
    with tempfile.TemporaryDirectory() as folder:
        names = list_architectures(model.network.model_dump())
        for file in sorted({file for name in names for file in imported_files([_SERVING], name)}):
            copy = Path(folder, file.relative_to(ROOT))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        yield Path(folder, _SERVING.split(".")[0])


def _find_logged(client: mlflow.MlflowClient, run: mlflow_runs.RunRef, digest: str) -> LoggedModel | None:
    experiment = client.get_run(run.run_id).info.experiment_id
    for logged in client.search_logged_models([experiment], filter_string=f"source_run_id = '{run.run_id}'"):
        if logged.tags.get(_DIGEST) == digest:
            return LoggedModel(logged.model_uri, logged.model_id)
    return None


def _signature(model: Model) -> ModelSignature:
    mixture = TensorSpec(np.dtype(np.float32), (-1, model.channels, -1))
    stems = TensorSpec(np.dtype(np.float32), (-1, len(model.targets), model.channels, -1))
    return ModelSignature(inputs=Schema([mixture]), outputs=Schema([stems]))


def _requirements(model: Model) -> list[str]:
    """Return the packages that loading and predicting need, at the versions that are installed."""
    architectures = list_architectures(model.network.model_dump())
    packages = dict.fromkeys(package for name in architectures for package in ARCHITECTURES[name].packages)
    return [f"{name}=={metadata.version(name).split('+')[0]}" for name in (*_REQUIREMENTS, *packages)]
