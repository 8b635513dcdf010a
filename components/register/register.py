"""Log the model to its training's run and register it, once."""

import warnings
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import mlflow
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from components.core import provenance, tracking
from components.core.bundle import Model, load_model
from components.core.files import write_json
from components.core.model_store import BUNDLE
from components.core.version import VERSION_FILE, VersionRef
from components.register.config import RegisterConfig

_PROJECT = Path(__file__).parents[2]
_REQUIREMENTS = ("torch", "torchaudio", "numpy", "safetensors", "pydantic", "soundfile", "soxr", "pandas", "filelock")


def register(config: RegisterConfig, model: Path, run: tracking.RunRef, out: Path) -> VersionRef:
    """Register the model in the folder `model`, trained by `run`; write `out`/version.json.

    The same weights of the same run are registered once: a second call finds the version.
    """
    client = tracking.connect()
    tracking.require_run(client, run)
    loaded = load_model(model)
    version = _find(client, config.name, run, loaded.digest) or _register(client, config.name, model, loaded, run)
    ref = VersionRef(config.name, version, run.run_id, loaded.digest)
    write_json(out / VERSION_FILE, asdict(ref))
    return ref


def _find(client: mlflow.MlflowClient, name: str, run: tracking.RunRef, digest: str) -> int | None:
    for found in client.search_model_versions(f"name = '{name}' and run_id = '{run.run_id}'"):
        if found.tags.get("sha256") == digest:
            return int(found.version)
    return None


def _register(client: mlflow.MlflowClient, name: str, model: Path, loaded: Model, run: tracking.RunRef) -> int:
    with tracking.active(run), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logged = mlflow.pyfunc.log_model(
            name=BUNDLE,
            python_model=str(Path(__file__).with_name("serving.py")),
            artifacts={BUNDLE: str(model)},
            code_paths=[str(_PROJECT / "components")],
            signature=_signature(loaded),
            pip_requirements=_requirements(),
        )
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description="Vocal isolation: the stems of a mixture")
    tags = {
        "sha256": loaded.digest,
        "stage": "register",
        "network": str(loaded.network.model_dump()["name"]),
        "targets": " ".join(loaded.targets),
        "dvc_lock": provenance.lock_digest(),
        "git_commit": provenance.git_commit(),
    }
    created = client.create_model_version(name, logged.model_uri, run.run_id, tags=tags, model_id=logged.model_id)
    return int(created.version)


def _signature(model: Model) -> ModelSignature:
    mixture = TensorSpec(np.dtype(np.float32), (-1, model.channels, -1))
    stems = TensorSpec(np.dtype(np.float32), (-1, len(model.targets), model.channels, -1))
    return ModelSignature(inputs=Schema([mixture]), outputs=Schema([stems]))


def _requirements() -> list[str]:
    """The packages that loading and predicting need, at the versions that are here."""
    return [f"{name}=={metadata.version(name).split('+')[0]}" for name in _REQUIREMENTS]
