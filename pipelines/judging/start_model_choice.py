"""The model that a retraining starts from: by default the champion, where the data are new to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from components.core.base.files import digest_file
from components.core.base.params import load_section
from components.core.base.workspace import SCRATCH
from components.core.data.artifacts import CACHE_INDEX
from components.core.models.addresses import fetch_model
from components.core.models.model_description import ModelDescription
from components.core.models.start_model import StartModel
from components.core.release.registry_sections import load_model_name
from components.core.tracking import mlflow_runs
from components.start.config import StartConfig
from pipelines.judging.registration_and_gate import champion_alias, live_version
from pipelines.running.project_stages import ProjectFolder

DATA_STAGES = ("acquire", "cache")


@dataclass(frozen=True)
class TrainingConditions:
    """What decides whether a training can go on from a model: the kind of network, its stems, and its data's digest."""

    network: str
    targets: Sequence[str]
    data: str


@dataclass(frozen=True)
class Champion:
    """The live version: its address, its training, and the address of the model that this training started from."""

    address: str
    training: TrainingConditions
    start: str


def choose_start_model(
    config: StartConfig, champion: Champion | None, training: TrainingConditions, newest_version: int
) -> str:
    """Return the address of the model that a retraining starts from; "" means random weights.

    A champion that knows the data already has nothing to learn from them again, so the retraining starts where the
    champion's did; when nothing else has changed, it is the same training, and nothing is trained.
    """
    if config.retrain == "model" or champion is None:
        return config.model
    if config.from_scratch_every and (newest_version + 1) % config.from_scratch_every == 0:
        return ""
    known = champion.training
    if (known.network, list(known.targets)) != (training.network, list(training.targets)):
        return config.model
    return champion.start if known.data == training.data else champion.address


def find_start_model(project: ProjectFolder, options: tuple[str, ...] = ()) -> str:
    """Return the model that a retraining starts from.

    The project's data are brought up to date first, with `options` of `dvc repro`.
    """
    config = load_section("start", StartConfig, project.params)
    name = load_model_name(project.params)
    version = live_version(name, champion_alias(project)) if config.retrain == "champion" else None
    if version is None:
        return config.model
    for stage in DATA_STAGES:
        project.reproduce(stage, options=options)
    parameters: dict[str, Any] = yaml.safe_load(project.params.read_text(encoding="utf-8"))
    data = digest_file(CACHE_INDEX.below(project.workspace))
    training = TrainingConditions(parameters["train"]["network"]["name"], parameters["cache"]["targets"], data)
    return choose_start_model(config, _read_champion(name, version), training, _newest_version(name))


def _read_champion(name: str, version: int) -> Champion:
    model = ModelDescription.read(fetch_model(f"models:/{name}/{version}", SCRATCH / "models").folder)
    start = StartModel.model_validate(model.origin.get("started_from", {}))
    training = TrainingConditions(model.network["name"], model.targets, _read_data_digest(model.origin["run_id"]))
    return Champion(f"models:/{name}/{version}", training, start.pinned_address)


def _read_data_digest(run_id: str) -> str:
    """Return the digest of a training's data, empty for a converted model, which no run here trained."""
    if not run_id:
        return ""
    tags: dict[str, str] = mlflow_runs.connect().get_run(run_id).data.tags
    return tags.get("train.data", "")


def _newest_version(name: str) -> int:
    return max(int(version.version) for version in mlflow_runs.connect().search_model_versions(f"name='{name}'"))
