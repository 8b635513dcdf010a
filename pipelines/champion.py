"""Which version is live, and its scores on the tracks that a challenger is scored on."""

import json
from pathlib import Path

import yaml

from components.core import tracking
from components.core.files import digest_file, digest_folder, digest_parts
from components.core.model_store import fetch_model
from components.core.version import VersionRef
from components.core.workspace import SCRATCH, WORKSPACE
from components.promote.promote import champion_version
from pipelines.steps import run_step

_COMPONENTS = Path(tracking.__file__).parents[1]


def live_version(name: str, alias: str) -> int | None:
    """Return the version that the alias of the registered model points to, or None when there is none yet."""
    return champion_version(tracking.connect(), name, alias)


def champion_scores(name: str, version: int) -> Path:
    """Return the folder of the champion's scores on the test tracks of now; evaluate it if there are none yet.

    Champion and challenger are so scored on the same tracks, by the same code.
    """
    folder = WORKSPACE / "gate" / f"champion-{version}-{_conditions()}"
    if not (folder / "test.json").is_file():
        model = fetch_model(f"models:/{name}/{version}", SCRATCH / "models")
        run_step("evaluate", "--model", str(model.folder), "--data", str(WORKSPACE / "acquire"), "--out", str(folder))
    return folder


def _conditions() -> str:
    """Return a digest of all that decides a model's scores but the model: tracks, parameters, code."""
    code = [digest_folder(_COMPONENTS / part, "*.py") for part in ("core", "evaluate")]
    # as it stands in the file: the typed config would bring torch in here
    parameters = json.dumps(yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["evaluate"])
    return digest_parts([digest_file(WORKSPACE / "acquire" / "manifest.csv"), parameters, *code])[:12]


def registered() -> VersionRef:
    """Return the version that `register` made or found."""
    return VersionRef.read(WORKSPACE / "register")
