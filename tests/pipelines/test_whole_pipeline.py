"""The whole pipeline for real, in a copy of the repository: from nothing to separated songs, and what may go wrong."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import mlflow
import numpy as np
import psutil
import pytest
import soundfile
from ruamel.yaml import YAML

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole-pipeline"), pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
BOOKS = "_stemline"  # of a job: its ledger and the like, made anew each time
NAME = "vocal-isolation"
STAGES = ("acquire", "cache", "train", "evaluate")
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
    # so low that twenty steps pass
    "gate": {"minimum_gain_db": {"vocals": -99.0, "accompaniment": -99.0}},
    "catalogue": {"recordings": 2},
}


class Project:
    """A copy of the repository with tiny parameters, under git, and without anything that was run before."""

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
        text, _ = process.communicate(timeout=400)
        assert process.returncode == code, text
        return text

    def stemline(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run `stemline` in the project."""
        return self.run("pipelines.cli", *arguments, code=code, **environment)

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, env=self.environment, check=True)

    def store(self) -> mlflow.MlflowClient:
        """A client of the project's own store; the registry's address is global in MLflow unless it is given."""
        uri = f"sqlite:///{self.workspace / 'mlflow' / 'mlflow.db'}"
        return mlflow.MlflowClient(uri, uri)

    def champion(self) -> int | None:
        found = self.store().get_registered_model(NAME).aliases.get("champion")
        return int(found) if found else None

    def verdict(self) -> dict[str, object]:
        document: dict[str, object] = json.loads((self.workspace / "gate" / "verdict.json").read_text("utf-8"))
        return document

    def made(self) -> dict[str, int]:
        """When each file that a run makes was made, but for the stores and what is about this run."""
        about = [path for step in (*STAGES, "catalogue", "separate") for path in (self.workspace / step).rglob("*")]
        of_this_run = {self.workspace / "separate" / "index.html", *(self.workspace / "separate" / BOOKS).rglob("*")}
        files = {*about, self.folder / "dvc.lock"} - of_this_run
        return {str(path): path.stat().st_mtime_ns for path in files if path.is_file()}

    def processes(self) -> list[str]:
        """The commands of all processes that run in the project's folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(self.folder):
                    found.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return found


def files_of_the_repository() -> Iterator[Path]:
    """Every file that git tracks or would, relative to the repository."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return (Path(name) for name in names if name and (ROOT / name).is_file())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("whole") / "stemline"
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


@pytest.fixture(scope="module")
def first_run(project: Project) -> str:
    return project.stemline("run")


def test_one_command_leads_from_nothing_to_separated_songs(project: Project, first_run: str) -> None:
    outputs = [
        *("acquire/manifest.csv", "cache/index.csv", "train/model/model.json", "train/curves.csv"),
        *("evaluate/scores.csv", "evaluate/table.csv", "evaluate/metrics.json", "evaluate/pictures"),
        *("register/version.json", "gate/verdict.json", "report/index.html"),
    ]
    for output in outputs:
        assert (project.workspace / output).exists(), output
    assert project.verdict()["passed"] is True
    assert project.verdict()["rule"] == "first champion"
    assert project.champion() == 1
    for task in (*STAGES, "register", "gate", "promote", "catalogue", "separate", "report"):
        assert f"'{task}' - Finished in state" in first_run
    for said in ("this model", "ideal ratio mask", "version 1 of vocal-isolation passed the gate", "mlflow ui"):
        assert said in first_run
    assert "Traceback" not in first_run


def test_the_stems_add_up_to_the_songs(project: Project, first_run: str) -> None:
    songs = sorted((project.workspace / "catalogue").glob("*.flac"))
    assert len(songs) == 2
    for song in songs:
        mixture, rate = soundfile.read(song, dtype="int32", always_2d=True)
        stems = list((project.workspace / "separate" / song.name).glob("*.wav"))
        assert len(stems) == 2
        total = np.zeros_like(mixture, dtype=np.int64)
        for stem in stems:
            samples, stem_rate = soundfile.read(stem, dtype="int32", always_2d=True)
            assert (stem_rate, samples.shape) == (rate, mixture.shape)
            total += samples
        assert np.abs(total - mixture).max() <= 2**16  # one step of 16 bits


def test_the_training_the_scores_and_the_version_are_of_one_run(project: Project, first_run: str) -> None:
    run_id = json.loads((project.workspace / "train" / "run.json").read_text("utf-8"))["run_id"]
    store = project.store()
    assert store.get_model_version(NAME, "1").run_id == run_id
    metrics = store.get_run(run_id).data.metrics
    assert "train/loss" in metrics
    assert [name for name in metrics if "SDR" in name]


def test_a_second_run_does_nothing_over_again(project: Project, first_run: str) -> None:
    before, started = project.made(), time.monotonic()
    text = project.stemline("run")
    seconds = time.monotonic() - started
    assert project.made() == before
    for stage in STAGES:
        assert f"'{stage}' - Finished in state Unchanged" in text
    assert "0 done + 2 done before + 0 quarantined + 0 failed" in text
    assert project.champion() == 1
    print(f"a run with nothing to do took {seconds:.0f} s")
    assert seconds < 120


def test_dvc_alone_agrees_and_shows_what_it_knows(project: Project, first_run: str, tmp_path: Path) -> None:
    assert "Data and pipelines are up to date." in project.run("dvc", "repro")
    assert "vocals.SDR" in project.run("dvc", "metrics", "show")
    project.run("dvc", "plots", "show", "--out", str(tmp_path / "plots"))
    assert (tmp_path / "plots" / "index.html").is_file()
    graph = project.run("dvc", "dag")
    assert all(stage in graph for stage in STAGES)


def test_the_status_names_the_champion_and_the_stages(project: Project, first_run: str) -> None:
    text = project.stemline("status")
    assert "models:/vocal-isolation/1" in text
    assert "up to date" in text


def test_an_experiment_trains_with_other_parameters(project: Project, first_run: str) -> None:
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "A run")
    text = project.run("dvc", "exp", "run", "--set-param", "train.steps=10", "--name", "short")
    assert "Ran experiment(s): short" in text
    assert "short" in project.run("dvc", "exp", "show", "--csv")
    assert "vocals.SDR" in project.run("dvc", "metrics", "diff", "HEAD", "short")
    project.git("checkout", "--quiet", "--", ".")
    project.run("dvc", "checkout", "--quiet")
    assert "Data and pipelines are up to date." in project.run("dvc", "repro")


def test_a_killed_run_leaves_nothing_running_and_the_next_one_judges_the_new_version(
    project: Project, first_run: str
) -> None:
    process = project.start("pipelines.cli", "run", "--set", "train.seed=8", "--set", "train.steps=40")
    assert process.stdout is not None
    for line in process.stdout:
        if "validation at step 10" in line:
            break
    assert [command for command in project.processes() if "components.train.worker" in command]
    process.kill()
    process.wait()
    end = time.monotonic() + 15
    while left := project.processes():
        assert time.monotonic() < end, left
        time.sleep(0.1)
    text = project.stemline("run")
    assert "going on from step" in text
    assert "'train' - Finished in state Completed" in text
    assert "'cache' - Finished in state Unchanged" in text
    # one test track is not enough to tell
    verdict = project.verdict()
    assert (verdict["version"], verdict["passed"], verdict["rule"]) == (2, False, "against champion 1")
    assert "1 tracks in common, and 5 are needed" in str(verdict["reasons"])
    assert project.champion() == 1
    assert "was refused by the gate" in text


@pytest.mark.parametrize(
    "start", [("pipelines.cli", "run"), ("pipelines.vocal_isolation",)], ids=["stemline", "python"]
)
def test_a_users_mistake_in_a_stage_ends_the_run_with_one_line(
    project: Project, first_run: str, tmp_path: Path, start: tuple[str, ...]
) -> None:
    path = project.folder / "params.yaml"
    before = path.read_bytes()
    yaml = YAML()
    document = yaml.load(path)
    document["acquire"]["datasets"] = ["musdb18-7s"]
    yaml.dump(document, path)
    try:
        text = project.run(*start, code=2, MUSDB_PATH=str(tmp_path / "nowhere"))
    finally:
        path.write_bytes(before)
    assert "Traceback" not in text
    said = [line for line in text.splitlines() if line.startswith("stemline: ")]
    assert len(said) == 1
    assert "acquire: " in said[0]
    assert "nowhere" in said[0]
