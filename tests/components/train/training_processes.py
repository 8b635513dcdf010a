"""Real trainings as processes: started, watched, killed, started again."""

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import psutil
import yaml

from tests.components.train.train_music import PARAMS, no_start

WORKER = "components.train.worker"
ROOT = Path(__file__).parents[3]
PATIENCE = 180.0


@dataclass
class Outcome:
    """How a training ended: its exit code, what it printed, and how long it took."""

    code: int
    text: str
    seconds: float


class Training:
    """A training in a folder of its own: `train.yaml`'s PARAMS with changes, a cache, an MLflow store.

    Its scratch folder is its own too, unless it is given one that others use. `start` is the folder of the model that
    it starts from; without one it starts from random weights.
    """

    def __init__(
        self, folder: Path, cache: Path, store: str, processes: int = 1, scratch: Path | None = None,
        start: Path | None = None, **changes: object,
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True)
        self.scratch = scratch or folder / "workspace" / "scratch" / "train"
        self.folder, self.cache, self.store, self.processes = folder, cache, store, processes
        self.start_model = start or no_start(folder / "start")
        self.log = folder / "log.txt"
        (folder / "params.yaml").write_text(yaml.safe_dump({"train": PARAMS | changes}), encoding="utf-8")

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the command; its output goes to `log`."""
        environment = os.environ | {
            "STEMLINE_WORKSPACE": "workspace",
            "MLFLOW_TRACKING_URI": self.store,
            "PET_NPROC_PER_NODE": str(self.processes),
            "PYTHONPATH": str(ROOT),
            "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait must not spin when other tests want the cores
        }
        places = ["--cache", str(self.cache), "--start", str(self.start_model), "--scratch", str(self.scratch)]
        command = [sys.executable, "-m", "components.train", *places]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def run(self) -> Outcome:
        """Run the command to its end."""
        started = time.monotonic()
        code = self.start().wait(PATIENCE)
        return Outcome(code, self.text, time.monotonic() - started)

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def out(self) -> Path:
        return self.folder / "workspace" / "train"

    @property
    def finished(self) -> bool:
        return (self.out / "run.json").is_file()

    @property
    def description(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.out / "model" / "model.json").read_text(encoding="utf-8"))
        return document

    @property
    def weights(self) -> str:
        """The SHA-256 of the weights' file."""
        digest = hashlib.sha256((self.out / "model" / "weights.safetensors").read_bytes()).hexdigest()
        assert self.description["sha256"] == digest
        return digest

    @property
    def curves(self) -> str:
        return (self.out / "curves.csv").read_text(encoding="utf-8")

    @property
    def run_id(self) -> str:
        return str(json.loads((self.out / "run.json").read_text(encoding="utf-8"))["run_id"])

    def begun_run_id(self) -> str:
        """The MLflow run of the unfinished training."""
        (path,) = self.scratch.glob("*/run.json")
        return str(json.loads(path.read_text(encoding="utf-8"))["run_id"])

    @property
    def metrics(self) -> set[str]:
        """The names of the metrics that MLflow has of the run."""
        return set(mlflow.MlflowClient(self.store).get_run(self.run_id).data.metrics)

    def logged(self, metric: str) -> list[tuple[int, float]]:
        """What MLflow has of a metric: step and value."""
        history = mlflow.MlflowClient(self.store).get_metric_history(self.run_id, metric)
        return sorted((point.step, point.value) for point in history)


def workers(launcher: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """The workers of a launcher, in the order of their ranks' start."""
    try:
        children = psutil.Process(launcher.pid).children(recursive=True)
        return [child for child in children if WORKER in _command(child)]
    except psutil.NoSuchProcess:
        return []


def living(training: Training) -> list[psutil.Process]:
    """All processes that run in the training's folder, whoever their parent is now."""
    return [process for process in psutil.process_iter() if _folder(process) == str(training.folder)]


def maps_shards(process: psutil.Process) -> bool:
    """Return whether the process has opened the cache, which it does just before its first step."""
    try:
        return any(mapped.path.endswith(".npy") for mapped in process.memory_maps())
    except psutil.Error:
        return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _folder(process: psutil.Process) -> str:
    try:
        return process.cwd() if process.status() != psutil.STATUS_ZOMBIE else ""
    except psutil.Error:
        return ""
