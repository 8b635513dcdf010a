"""Which version is live, and its scores on the tracks that a challenger is scored on."""

from pathlib import Path

from components.core import tracking
from components.core.files import digest_file
from components.core.model_store import fetch_model
from components.core.version import VersionRef
from components.core.workspace import SCRATCH, WORKSPACE
from components.promote.promote import champion_version
from pipelines.steps import run_step


def live_version(name: str, alias: str) -> int | None:
    """Return the version that the alias of the registered model points to, or None when there is none yet."""
    return champion_version(tracking.connect(), name, alias)


def champion_scores(name: str, version: int) -> Path:
    """Return the folder of the champion's scores on the test tracks of now; evaluate it if there are none yet.

    Champion and challenger are so scored on the same tracks, by the same code.
    """
    test_set = digest_file(WORKSPACE / "acquire" / "manifest.csv")[:12]
    folder = WORKSPACE / "gate" / f"champion-{version}-on-{test_set}"
    if not (folder / "test.json").is_file():
        model = fetch_model(f"models:/{name}/{version}", SCRATCH / "models")
        run_step("evaluate", "--model", str(model.folder), "--data", str(WORKSPACE / "acquire"), "--out", str(folder))
    return folder


def registered() -> VersionRef:
    """Return the version that `register` made or found."""
    return VersionRef.read(WORKSPACE / "register")
