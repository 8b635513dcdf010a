"""Copies of the repository in which tests run the pipeline with parameters that take seconds."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import mlflow
import psutil
from ruamel.yaml import YAML

from tests.support.databases import new_mlflow_store, new_prefect_home

ROOT = Path(__file__).parents[2]
BOOKS = "_stemline"  # the folder of a job's ledger, which each job writes again
NAME = "vocal-isolation-demo"  # the registered model of a project that learns from demo songs alone
STAGES = ("acquire", "cache", "start", "train", "evaluate")
TINY: Mapping[str, Mapping[str, object]] = {
    "acquire": {"demo_songs": 4, "demo_seconds": 6.0, "validation_share": 0.25},
    "cache": {"rate": 22050},
    "train": {
        "network": {
            "name": "unet",
            "widths": [4, 8],
            "stft": {"window": 512, "hop": 128},
            "bins": 128,
            "frames": 129,
        },
        "crop_seconds": 0.25,
        "steps": 20,
        "batch": 4,
        "validate_every": 10,
        "validation_seconds": 2.0,
    },
    "evaluate": {"post": {}},
    # so low that a training of twenty steps passes
    "gate": {"minimum_gain_db": {"vocals": -99.0, "accompaniment": -99.0}},
    "catalogue": {"recordings": 2},
}


class Project:
    """A copy of the repository under git, with tiny parameters and an empty workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        kept = ("STEMLINE_", "MLFLOW_", "PREFECT_", "DVC_", "PET_", "MUSDB_", "PYTEST_", "GIT_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(kept)}
        self.environment |= {"COLUMNS": "160", "PYTHONPATH": str(folder), "OMP_WAIT_POLICY": "PASSIVE"}

    def start(self, *command: str, **environment: str) -> "subprocess.Popen[str]":
        """Start `python -m <command>` in the project."""
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, code: int = 0, **environment: str) -> str:
        """Run `python -m <command>` in the project; return what it printed."""
        process = self.start(*command, **environment)
        text, _ = process.communicate(timeout=800)
        assert process.returncode == code, text
        return text

    def stemline(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run `stemline` in the project."""
        return self.run("pipelines.terminal.cli", *arguments, code=code, **environment)

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, env=self.environment, check=True)

    def git_says(self, *arguments: str) -> str:
        """Return what git prints in the project."""
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout

    def store(self) -> mlflow.MlflowClient:
        """Return a client of the project's own MLflow store and registry."""
        uri = f"sqlite:///{self.workspace / 'mlflow' / 'mlflow.db'}"
        return mlflow.MlflowClient(uri, uri)

    def champion(self) -> int | None:
        found = self.store().get_registered_model(NAME).aliases.get("champion")
        return int(found) if found else None

    def verdict(self) -> dict[str, object]:
        document: dict[str, object] = json.loads((self.workspace / "gate" / "verdict.json").read_text("utf-8"))
        return document

    def made(self) -> dict[str, int]:
        """Return when each output of a run was written. Leaves out the stores and the files about the run itself."""
        about = [path for step in (*STAGES, "catalogue", "separate") for path in (self.workspace / step).rglob("*")]
        of_this_run = {self.workspace / "separate" / "index.html", *(self.workspace / "separate" / BOOKS).rglob("*")}
        files = {*about, self.folder / "dvc.lock"} - of_this_run
        return {str(path): path.stat().st_mtime_ns for path in files if path.is_file()}

    def processes(self) -> list[str]:
        """Return the commands of all processes that run in the project's folder."""
        return running_in(self.folder)


def running_in(folder: Path) -> list[str]:
    """Return the commands of all processes whose working folder is `folder`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(folder):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def files_of_the_repository() -> Iterator[Path]:
    """Yield every file that git tracks or would track, relative to the repository."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return (Path(name) for name in names if name and (ROOT / name).is_file())


def prepared_project(folder: Path) -> Project:
    """Copy the repository like `copied_project`, with an empty MLflow store and an empty Prefect database in it."""
    project = copied_project(folder)
    new_mlflow_store(project.workspace / "mlflow" / "mlflow.db")
    new_prefect_home(project.workspace / "prefect")
    return project


def copied_project(folder: Path) -> Project:
    """Copy the repository to `folder`, with tiny parameters, and commit it there."""
    for path in files_of_the_repository():
        if path.parts[0] not in ("tests", "docs", "benchmarks"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes((ROOT / path).read_bytes())
    yaml = YAML()
    document = yaml.load(folder / "params.yaml")
    for section, values in TINY.items():
        document[section].update(values)
    yaml.dump(document, folder / "params.yaml")
    project = Project(folder)
    project.git("init", "--quiet")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "A copy")
    return project
