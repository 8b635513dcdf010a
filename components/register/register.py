"""Log the model to its training's run and register it, once."""

from dataclasses import asdict
from pathlib import Path

import mlflow

from components.core import provenance, tracking
from components.core.bundle import Model, load_model
from components.core.files import write_json
from components.core.logged_model import logged_model
from components.core.version import VERSION_FILE, VersionRef
from components.register.config import RegisterConfig

ARTIFACTS = "register"
"""Folder of the run's artifacts for its dvc.lock and params.yaml, with which `dvc repro` makes the model again."""

_RECORDS = ("dvc.lock", "params.yaml")


def register(config: RegisterConfig, model: Path, run: tracking.RunRef, out: Path) -> VersionRef:
    """Register the model in the folder `model`, trained by `run`; write `out`/version.json.

    The same weights of the same run are registered once: a second call finds the version.
    """
    client = tracking.connect()
    tracking.require_run(run)
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
    logged = logged_model(client, run, model, loaded)
    for record in _RECORDS:  # the tags' digests lead nowhere once the clone that trained is gone
        if Path(record).is_file():
            client.log_artifact(run.run_id, record, ARTIFACTS)
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
