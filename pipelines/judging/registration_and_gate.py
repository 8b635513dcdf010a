"""From a trained and scored model to the gate's verdict: repair the registry, register, compare with the champion."""

import json
from importlib import metadata
from pathlib import Path

import yaml

from components.core.base.files import digest_file, digest_parts
from components.core.base.params import load_section
from components.core.base.workspace import SCRATCH, WORKSPACE
from components.core.data.artifacts import MANIFEST, MODEL, TEST, VERDICT, VERSION
from components.core.models.addresses import SHIPPED, fetch_model
from components.core.models.model_description import REGISTRY, ModelDescription
from components.core.networks.architecture_registry import list_architectures
from components.core.release.registry_consistency import champion_version, find_disagreement
from components.core.release.registry_sections import PromoteConfig, load_separating_model
from components.core.release.verdict import Verdict
from components.core.release.version import VersionRef
from components.core.tracking import mlflow_runs
from components.core.tracking.code_dependencies import code_digest
from pipelines.running.project_stages import ProjectFolder


def repair_registry(project: ProjectFolder) -> None:
    """Finish a promotion that was killed, as `stemline repair` does; before a training,
    because the gate reads the live version.

    Raises CommandError when the journal and the registry contradict each other.
    """
    if find_disagreement(project.params):
        project.run_step("promote.repair")


def register_and_judge(project: ProjectFolder) -> Verdict | None:
    """Register the project's model and have the gate judge it; None if it is the champion, which was judged before."""
    project.run_step("register")
    version = registered_version(project)
    champion = live_version(version.name, champion_alias(project))
    if champion == version.version:
        return None
    if champion is None and not _would_replace_shipped(project, version):
        project.run_step("gate")
    else:
        scores = score_shipped(project) if champion is None else score_champion(project, version.name, champion)
        project.run_step("gate", "--champion", str(champion or 0), "--champion-scores", str(scores))
    return Verdict.read(project.workspace / VERDICT.writer)


def registered_version(project: ProjectFolder) -> VersionRef:
    """Return the version that the project's model has in the registry."""
    return VersionRef.read(project.workspace / VERSION.writer)


def champion_alias(project: ProjectFolder) -> str:
    """Return the alias of the live version, from the project's params.yaml."""
    return load_section("promote", PromoteConfig, project.params).alias


def live_version(name: str, alias: str) -> int | None:
    """Return the version at the alias of the registered model `name`; None if there is none yet."""
    return champion_version(mlflow_runs.connect(), name, alias)


def score_champion(project: ProjectFolder, name: str, version: int) -> Path:
    """Return the folder with the champion's scores on the project's test tracks; evaluate it if there are none yet."""
    model = fetch_model(f"models:/{name}/{version}", SCRATCH / "models").folder
    return _score(project, model.resolve(), f"champion-{version}")


def score_shipped(project: ProjectFolder) -> Path:
    """Return the folder with the shipped model's scores, as `score_champion` does."""
    return _score(project, SHIPPED.resolve(), "shipped")


def _would_replace_shipped(project: ProjectFolder, version: VersionRef) -> bool:
    """Return whether `stemline separate` would take the version in place of the shipped model, for the same stems.

    A model of other stems, another sample rate or other channels does another task: their scores can't be compared.
    """
    if load_separating_model(project.params) != f"{REGISTRY}{version.name}@{champion_alias(project)}":
        return False
    trained, shipped = ModelDescription.read(MODEL.below(project.workspace)), ModelDescription.read(SHIPPED)
    return _describe_task(trained) == _describe_task(shipped)


def _describe_task(model: ModelDescription) -> tuple[frozenset[str], int, int]:
    return frozenset(model.targets), model.rate, model.channels


def _score(project: ProjectFolder, model: Path, label: str) -> Path:
    """Score the model in the folder `model` by the code and on the tracks of the project, once.

    So champion and challenger are scored by the same code on the same tracks.
    """
    conditions = _digest_conditions(project, model)
    folder = (WORKSPACE / VERDICT.writer / f"{label}-{conditions}").resolve()
    if not TEST.within(folder).is_file():
        data = str((project.workspace / MANIFEST.writer).resolve())
        project.run_step("evaluate", "--model", str(model), "--data", data, "--out", str(folder))
    return folder


def _digest_conditions(project: ProjectFolder, model: Path) -> str:
    """Return a digest of all that decides the scores: model, tracks, parameters, code and torch's version."""
    names = list_architectures(ModelDescription.read(model).network)
    code = digest_parts([code_digest("evaluate", name, project.folder) for name in names])
    # read as plain YAML: the typed config of evaluate imports torch
    parameters = json.dumps(yaml.safe_load(project.params.read_text(encoding="utf-8"))["evaluate"])
    files = [digest_file(model / ModelDescription.FILE), digest_file(MANIFEST.below(project.workspace))]
    return digest_parts([*files, parameters, code, metadata.version("torch")])[:12]
