"""Models by address: a version in the MLflow registry, or a folder."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from components.core import tracking
from components.core.errors import UserError
from components.core.files import digest_file, make_durable
from components.core.model_files import WEIGHTS

REGISTRY = "models:/"
BUNDLE = "model"
"""The name of the model's folder among the artifacts of a registered version."""

MODELS = "STEMLINE_MODELS"
"""Environment variable: where the models lie that come with Stemline; the repository's `models/` by default."""

SHIPPED = Path(os.environ.get(MODELS, Path(__file__).parents[2] / "models")) / "vocal-isolation"
"""The model for those who have not trained one yet."""

NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""MLflow's codes for a model that does not exist, and for an alias that a model does not have."""


@dataclass(frozen=True)
class ModelAddress:
    """A model that was found: its folder here, and what the registry calls it (version 0: not in a registry)."""

    folder: Path
    name: str
    version: int


def fetch_model(address: str, folder: Path) -> ModelAddress:
    """Return the model at `models:/NAME@ALIAS`, `models:/NAME/VERSION` or a path; registered ones go to `folder`.

    A version that is in `folder` already, with the weights that were registered, is not fetched again: another registry
    has other versions of the same numbers. Raises UserError when there is no such model, or when the store holds other
    weights than were registered.
    """
    if not address.startswith(REGISTRY):
        return ModelAddress(Path(address), Path(address).name, 0)
    name, version = resolve_version(address)
    digest = _registered_digest(name, version)
    target = folder / name / (f"{version}-{digest[:12]}" if digest else str(version))
    found = ModelAddress(target / BUNDLE, name, version)
    if _holds(found.folder, digest):
        return found
    shutil.rmtree(found.folder, ignore_errors=True)  # what a full disk or a loss of power has damaged
    try:
        _download(name, version, target)
    except (MlflowException, OSError) as error:
        raise UserError(f"{address} cannot be fetched: {' '.join(str(error).split())}") from None
    if not _holds(found.folder, digest):
        raise UserError(
            f"{address} holds other weights than were registered (checksum): name another version, or go back to one "
            "with `stemline rollback`"
        )
    return found


def _registered_digest(name: str, version: int) -> str:
    """Return the SHA-256 of the weights where `register` has written it down; else nothing."""
    return str(tracking.connect().get_model_version(name, str(version)).tags.get("sha256", ""))


def _holds(folder: Path, digest: str) -> bool:
    """Return whether the model is there, with the weights of this digest, if it is known."""
    weights = folder / WEIGHTS
    return folder.is_dir() and (not digest or (weights.is_file() and digest_file(weights) == digest))


def _download(name: str, version: int, target: Path) -> None:
    """Fetch the model to `target`, whole or not at all: what a killed download left is never taken for a model."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".partial.") as partial:
        found = mlflow.artifacts.download_artifacts(
            f"{REGISTRY}{name}/{version}/artifacts/{BUNDLE}", dst_path=str(partial)
        )
        try:
            for path in [*Path(found).rglob("*"), Path(found)]:
                make_durable(path)
            Path(found).rename(target / BUNDLE)
            make_durable(target)
        except OSError:
            if not (target / BUNDLE).is_dir():  # else another process was faster
                raise


def exists(address: str) -> bool:
    """Return whether the registry has a version at `address`.

    Raises UserError when the registry cannot say: one that does not answer is not one without a champion.
    """
    if not tracking.has_begun():
        return False
    try:
        _version(address)
    except MlflowException as error:
        if error.error_code in NOT_THERE:
            return False
        raise _silent(address, error) from None
    return True


def _silent(address: str, error: MlflowException) -> UserError:
    return UserError(f"the registry at {tracking.address()} does not say what {address} is: {tracking.reason(error)}")


def resolve_version(address: str) -> tuple[str, int]:
    """Return the name and version number of a registry address; raises UserError when it does not exist."""
    try:
        return _version(address)
    except MlflowException as error:
        if error.error_code not in NOT_THERE:
            raise _silent(address, error) from None
        raise UserError(
            f"{address} is not in the registry at {tracking.address()}: train and promote one with `stemline run`"
        ) from None


def _version(address: str) -> tuple[str, int]:
    client = tracking.connect()
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
