"""Log the model to its training's run and register it, once."""

import json
from pathlib import Path

import mlflow
from mlflow.entities.model_registry import ModelVersion

from components.core.base.files import digest_parts
from components.core.models.bundle import Model, load_model
from components.core.models.mlflow_model import logged_model
from components.core.release.version import VersionRef
from components.core.tracking import mlflow_runs, provenance
from components.register.config import RegisterConfig

ARTIFACTS = "register"
"""Folder of the run's artifacts for its dvc.lock and params.yaml, with which `dvc repro` makes the model again."""

IDENTITY = "identity"
"""Tag of a version by which the same model is known again."""

_RECORDS = ("dvc.lock", "params.yaml")


def register(config: RegisterConfig, model: Path, run: mlflow_runs.RunRef, out: Path) -> VersionRef:
    """Register the model in the folder `model`, trained by `run`; write `out`/version.json.

    The same model is registered once, whichever run made it: a second call finds the version, and what was said of it
    (taken back, refused by a person) holds.
    """
    client = mlflow_runs.connect()
    mlflow_runs.require_run(run)
    loaded = load_model(model)
    version = _found(client, config.name, loaded) or _registered(client, config.name, model, loaded, run)
    ref = VersionRef(name=config.name, version=int(version.version), run_id=str(version.run_id), sha256=loaded.digest)
    ref.write(out)
    return ref


def _found(client: mlflow.MlflowClient, name: str, loaded: Model) -> ModelVersion | None:
    """Return the first version that is this model."""
    same = client.search_model_versions(f"name = '{name}' and tags.{IDENTITY} = '{_identity(loaded)}'")
    return min(same, key=lambda version: int(version.version), default=None)


def _identity(loaded: Model) -> str:
    """Return a digest of all that decides the stems: weights, network, and what goes in and out."""
    description = [loaded.network.model_dump(mode="json"), loaded.targets, loaded.rate, loaded.channels]
    return digest_parts([loaded.digest, json.dumps(description, sort_keys=True)])


def _registered(
    client: mlflow.MlflowClient, name: str, model: Path, loaded: Model, run: mlflow_runs.RunRef
) -> ModelVersion:
    logged = logged_model(client, run, model, loaded)
    for record in _RECORDS:  # the tags' digests lead nowhere once the clone that trained is gone
        if Path(record).is_file():
            client.log_artifact(run.run_id, record, ARTIFACTS)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description="Vocal isolation: the stems of a mixture")
    tags = {
        "sha256": loaded.digest,
        IDENTITY: _identity(loaded),
        "stage": "register",
        "network": str(loaded.network.model_dump()["name"]),
        "targets": " ".join(loaded.targets),
        "dvc_lock": provenance.lock_digest(),
        "git_commit": provenance.git_commit(),
    }
    return client.create_model_version(name, logged.model_uri, run.run_id, tags=tags, model_id=logged.model_id)
