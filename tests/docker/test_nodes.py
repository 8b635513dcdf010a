"""A training on two nodes, both on this machine, each with the environment of the Kubernetes template."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import yaml

from components.core.data.cache_format import FULL_SCALE, CacheSettings, Part, shard_path, write_index, write_parts
from components.core.models.start_model import StartModel
from tests.support.processes import wait_until

ROOT = Path(__file__).parents[2]
NODE = ROOT / "docker/bin/node.py"
TEMPLATE = ROOT / "docker/pools/kubernetes-training.json"
RATE = 8000
TARGETS = ("vocals", "accompaniment")
PATIENCE = 120.0

PARAMS = {
    "seed": 3,
    "network": {"name": "unet", "widths": [4, 8], "stft": {"window": 512, "hop": 128}, "bins": 128, "frames": 32},
    "loss": "waveform",
    "crop_seconds": 0.25,
    "steps": 6,
    "batch": 4,
    "learning_rate": 0.003,
    "warmup_steps": 2,
    "weight_decay": 0.01,
    "clip_norm": 1.0,
    "ema_decay": 0.9,
    "precision": "fp32",
    "validate_every": 3,
    "validation_seconds": 1.0,
    "patience": 9,
}


def _read_section(section: str) -> dict[str, Any]:
    """Return a section of the repository's params.yaml."""
    values: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))[section]
    return values


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A repository with the code and the parameters of a training."""
    folder = tmp_path / "source"
    shutil.copytree(ROOT / "components", folder / "components", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "params.yaml").write_text(yaml.safe_dump({"train": _read_section("train") | PARAMS}), encoding="utf-8")
    (folder / ".gitignore").write_text("/workspace/\n__pycache__/\n", encoding="utf-8")
    identity = ["-c", "user.name=x", "-c", "user.email=x@y"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "--message", "one"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return folder


def _write_cache(folder: Path) -> None:
    """Write two tracks of noise to train on, and one to validate on, as `cache` does."""
    random = np.random.default_rng(0)
    scale, samples = 0.5 / FULL_SCALE, 2 * RATE
    rows: list[Mapping[str, Any]] = []
    stored = []
    for number, split in enumerate(("train", "train", "validation")):
        stored.append(random.integers(-9000, 9000, len(TARGETS) * 2 * samples, dtype=np.int16))
        place = {"shard": 0, "offset": number * stored[0].size, "samples": samples, "scale": f"{scale:.9e}"}
        track = {"track": f"made/{number}", "dataset": "made", "artist": str(number), "split": split}
        rows.append(track | place | {"bandwidth": RATE / 2, "parts": write_parts([Part(t, t) for t in TARGETS])})
    shard_path(folder, 0).parent.mkdir(parents=True)
    np.save(shard_path(folder, 0), np.concatenate(stored))
    write_index(folder, rows)
    CacheSettings(targets=TARGETS, rate=RATE, channels=2).write(folder)


class Nodes:
    """Two nodes with one STEMLINE_HOME, each started with the template's command and environment."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder, self.source, self.home = folder, source, folder / "home"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.endpoint = f"127.0.0.1:{probe.getsockname()[1]}"
        _write_cache(self.home / "workspace/cache")
        (self.home / "workspace/start").mkdir()
        StartModel().write(self.home / "workspace/start")

    def variables(self, rank: int) -> dict[str, str]:
        """The template's environment, with the values that Kubernetes and its worker fill in."""
        job = json.loads(TEMPLATE.read_text(encoding="utf-8"))["job_configuration"]["job_manifest"]
        [container] = job["spec"]["template"]["spec"]["containers"]
        assert container["command"][-1] == NODE.name
        known = {"{{ nodes }}": "2", "{{ gpus }}": "1", "{{ source }}": str(self.source)}
        filled: dict[str, str] = {}
        for item in container["env"]:
            text = item.get("value", "")
            for name, value in known.items():
                text = text.replace(name, value)
            filled[item["name"]] = text
        # Kubernetes resolves this from the pod; host names of pods do not exist here
        by_pod = {"JOB_NAME": "job", "PET_NODE_RANK": str(rank), "PET_RDZV_ENDPOINT": self.endpoint}
        assert by_pod.keys() <= filled.keys()
        return filled | by_pod

    def start(self, rank: int, *command: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(NODE.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
        places = {"PATH": path, "STEMLINE_HOME": str(self.home), "PYTHONPATH": "", "OMP_WAIT_POLICY": "PASSIVE"}
        # as in a pod, without this session's variables for MLflow and workspaces
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "STEMLINE_", "PET_", "DVC_"))}
        environment = clean | places | self.variables(rank)
        with self.log(rank).open("ab") as log:
            return subprocess.Popen(
                [sys.executable, str(NODE), *command], env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def log(self, rank: int) -> Path:
        return self.folder / f"node{rank}.log"

    def output(self, rank: int) -> str:
        return self.log(rank).read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def nodes(tmp_path: Path, source: Path) -> Nodes:
    return Nodes(tmp_path, source)


@pytest.mark.system
def test_two_nodes_train_one_model(nodes: Nodes) -> None:
    other = nodes.start(1, "never", "run", "here")
    try:
        first = nodes.start(0, sys.executable, "-m", "components.train")
        assert first.wait(PATIENCE) == 0, nodes.output(0) + nodes.output(1)
        # it waits for the next training until its starter ends it
        wait_until(lambda: nodes.output(1).count("waiting for a training") == 2)
        assert other.poll() is None, nodes.output(1)
    finally:
        os.killpg(other.pid, signal.SIGTERM)
        other.wait()
    assert nodes.output(1).count("joining the training") == 1
    assert "Traceback" not in nodes.output(0) + nodes.output(1)
    # torchrun waits for PET_NNODES, so neither node began without the other
    train = nodes.home / "workspace/train"
    assert (train / "model/weights.safetensors").is_file()
    client = mlflow.MlflowClient(f"sqlite:///{nodes.home}/workspace/mlflow/mlflow.db")
    [run] = client.search_runs([client.get_experiment_by_name("vocal-isolation").experiment_id])
    assert run.info.run_id == json.loads((train / "run.json").read_text(encoding="utf-8"))["run_id"]
    assert len(client.get_metric_history(run.info.run_id, "train/loss")) == 2, "each validation is told once"


def test_first_node_without_a_project_prints_one_line(nodes: Nodes) -> None:
    shutil.rmtree(nodes.source)
    assert nodes.start(0, "true").wait(PATIENCE) == 78
    assert "STEMLINE_SOURCE holds no readable commit" in nodes.output(0)
