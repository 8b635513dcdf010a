"""Log a trained model to its MLflow run, and register it as a version."""

import json
from pathlib import Path

import mlflow
from mlflow.entities.model_registry import ModelVersion

from components.core.base.files import digest_parts
from components.core.models.mlflow_model import log_model
from components.core.models.model_folder import Model, load_model
from components.core.release.version import VersionRef
from components.core.tracking import mlflow_runs, provenance

ARTIFACTS = "register"
"""Folder of the run's artifacts for dvc.lock and params.yaml: with these two `dvc repro` makes the model again."""

IDENTITY = "identity"
"""Tag of a version: the digest of all that decides its stems."""

_RECORDS = ("dvc.lock", "params.yaml")


def register(name: str, model: Path, run: mlflow_runs.RunRef, out: Path) -> VersionRef:
    """Register the model in the folder `model`, trained by `run`, as a version of `name`; write version.json to `out`.

    The same model is registered once, whichever run trained it. So tags that a rollback or a person put on its version
    still hold after a second training.
    """
    client = mlflow_runs.connect()
    mlflow_runs.require_run(run)
    loaded = load_model(model)
    version = _find_version(client, name, loaded) or _create_version(client, name, model, loaded, run)
    ref = VersionRef(name=name, version=int(version.version), run_id=str(version.run_id), sha256=loaded.digest)
    ref.write(out)
    return ref


def _find_version(client: mlflow.MlflowClient, name: str, loaded: Model) -> ModelVersion | None:
    """Return the oldest version of this very model; None when there is none."""
    same = client.search_model_versions(f"name = '{name}' and tags.{IDENTITY} = '{_digest_identity(loaded)}'")
    return min(same, key=lambda version: int(version.version), default=None)


def _digest_identity(loaded: Model) -> str:
    """Return a digest of all that decides the stems: weights, network, targets, rate and channels."""
    description = [
        loaded.network.model_dump(mode="json", exclude_none=True),
        loaded.targets,
        loaded.rate,
        loaded.channels,
    ]
    return digest_parts([loaded.digest, json.dumps(description, sort_keys=True)])


def _create_version(
    client: mlflow.MlflowClient, name: str, model: Path, loaded: Model, run: mlflow_runs.RunRef
) -> ModelVersion:
    logged = log_model(client, run, model, loaded)
    for record in _RECORDS:  # the clone that trained is deleted later: the tags' digests alone would lead nowhere
        if Path(record).is_file():
            client.log_artifact(run.run_id, record, ARTIFACTS)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description="Vocal isolation: the stems of a mixture")
    tags = {
        "sha256": loaded.digest,
        IDENTITY: _digest_identity(loaded),
        "stage": "register",
        "network": str(loaded.network.model_dump()["name"]),
        "targets": " ".join(loaded.targets),
        "dvc_lock": provenance.lock_digest(),
        "git_commit": provenance.git_commit(),
    }
    return client.create_model_version(name, logged.model_uri, run.run_id, tags=tags, model_id=logged.model_id)
