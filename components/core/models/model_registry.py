"""Versions of models in the MLflow registry: from an address to a version and its files."""

import shutil
import tempfile
from pathlib import Path

import mlflow
from filelock import FileLock
from mlflow.exceptions import MlflowException

from components.core.base.errors import UserError
from components.core.base.files import digest_file, make_durable
from components.core.models.model_description import MODEL_FOLDER, REGISTRY, WEIGHTS
from components.core.tracking import mlflow_runs


def fetch_version(address: str, folder: Path) -> tuple[Path, str, int]:
    """Return the model's folder below `folder`, its name and its version; see `addresses.fetch_model`."""
    name, version = resolve_version(address)
    digest = _registered_digest(name, version)
    target = folder / name / (f"{version}-{digest[:12]}" if digest else str(version))
    model = target / MODEL_FOLDER
    if not (model.is_dir() and _has_weights(model, digest)):
        target.mkdir(parents=True, exist_ok=True)
        with FileLock(target / ".lock"):  # another process may be fetching it
            _fetch_whole(address, (name, version, digest), target)
    return model, name, version


def _fetch_whole(address: str, version: tuple[str, int, str], target: Path) -> None:
    """Fetch the model of a version (name, number, digest) to `target`, in place of one with other weights."""
    name, number, digest = version
    model = target / MODEL_FOLDER
    if model.is_dir() and not _has_weights(model, digest):
        shutil.rmtree(model)  # damaged, by a full disk or a loss of power
    if model.is_dir():
        return
    try:
        _download(name, number, target)
    except (MlflowException, OSError) as error:
        raise UserError(f"{address} cannot be fetched: {' '.join(str(error).split())}") from None
    if not _has_weights(model, digest):
        raise UserError(
            f"{address} holds weights that differ from the registered ones (checksum): name another version, or go "
            "back to one with `stemline rollback`"
        )


def _registered_digest(name: str, version: int) -> str:
    """Return the SHA-256 of the weights that `register` wrote to the version; empty for older versions."""
    return str(mlflow_runs.connect().get_model_version(name, str(version)).tags.get("sha256", ""))


def _has_weights(model: Path, digest: str) -> bool:
    """Return whether the weights in the folder `model` have this digest; True for an empty one."""
    weights = model / WEIGHTS
    return not digest or (weights.is_file() and digest_file(weights) == digest)


def _download(name: str, version: int, target: Path) -> None:
    """Fetch the model to `target`, completely or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".partial.") as partial:
        found = mlflow.artifacts.download_artifacts(
            f"{REGISTRY}{name}/{version}/artifacts/{MODEL_FOLDER}", dst_path=str(partial)
        )
        try:
            for path in [*Path(found).rglob("*"), Path(found)]:
                make_durable(path)
            Path(found).rename(target / MODEL_FOLDER)
            make_durable(target)
        except OSError:
            if not (target / MODEL_FOLDER).is_dir():  # if the folder exists, another process was faster
                raise


def has_version(address: str) -> bool:
    """Return whether the registry has a version at `address`; raises UserError when it does not answer."""
    return _find_version(address) is not None


def resolve_version(address: str) -> tuple[str, int]:
    """Return the name and version number of a registry address; raises UserError when it does not exist."""
    found = _find_version(address)
    if found is None:
        raise UserError(
            f"{address} is not in the registry at {mlflow_runs.store_address()}: "
            "train and promote one with `stemline run`"
        )
    return found


def _find_version(address: str) -> tuple[str, int] | None:
    return mlflow_runs.ask_registry(lambda: _version(address), f"say what {address} is")


def _version(address: str) -> tuple[str, int]:
    client = mlflow_runs.connect()
    path = address.removeprefix(REGISTRY)
    try:
        if "@" in path:
            name, alias = path.rsplit("@", 1)
            return name, int(client.get_model_version_by_alias(name, alias).version)
        name, number = path.rsplit("/", 1)
        return name, int(client.get_model_version(name, number).version)
    except ValueError:
        raise UserError(
            f"{address} is not an address of a model: write models:/NAME@ALIAS or models:/NAME/VERSION"
        ) from None
