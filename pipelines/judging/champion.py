"""Which version is live, and its scores on the tracks that a challenger is scored on."""

import json
from importlib import metadata
from pathlib import Path

import yaml

from components.core.base.files import digest_file, digest_parts
from components.core.base.workspace import SCRATCH, WORKSPACE
from components.core.models.addresses import fetch_model
from components.core.release.champion import champion_version
from components.core.tracking import mlflow_runs
from components.core.tracking.result_code import code_digest
from pipelines.running.place import Place


def live_version(name: str, alias: str) -> int | None:
    """Return the version that the alias of the registered model points to, or None when there is none yet."""
    return champion_version(mlflow_runs.connect(), name, alias)


def champion_scores(place: Place, name: str, version: int) -> str:
    """Return the folder of the champion's scores on the test tracks of `place`; evaluate it if there are none yet.

    Champion and challenger are so scored on the same tracks, by the same code.
    """
    model = fetch_model(f"models:/{name}/{version}", SCRATCH / "models").folder.resolve()
    folder = (WORKSPACE / "gate" / f"champion-{version}-{_conditions(place, model)}").resolve()
    if not (folder / "test.json").is_file():
        data = str((place.workspace / "acquire").resolve())
        place.run_step("evaluate", "--model", str(model), "--data", data, "--out", str(folder))
    return str(folder)


def _conditions(place: Place, model: Path) -> str:
    """Return a digest of all that decides the scores: model, tracks, parameters, code, the package that computes."""
    network = json.loads((model / "model.json").read_text(encoding="utf-8"))["network"]["name"]
    code = code_digest("evaluate", network, place.folder)
    # as it stands in the file: the typed config would bring torch in here
    document = yaml.safe_load((place.folder / "params.yaml").read_text(encoding="utf-8"))
    parameters = json.dumps(document["evaluate"])
    files = [digest_file(path) for path in (model / "model.json", place.workspace / "acquire" / "manifest.csv")]
    return digest_parts([*files, parameters, code, metadata.version("torch")])[:12]
