"""Retraining on a real Prefect server: by an event, in a clone; refused and unchanged ones; killed and gone on with."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from project import NAME, Project, copied_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PREFECT = str(Path(sys.executable).parent / "prefect")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copied_project(tmp_path_factory.mktemp("retraining") / "project")


def _journal(project: Project) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((project.workspace / "promote" / "journal").glob("*.json"))]


def _tree(project: Project) -> str:
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=project.folder, capture_output=True, text=True, check=True
    )
    return status.stdout


def test_a_retraining_works_in_a_clone_and_leaves_nothing_behind(project: Project) -> None:
    text = project.stemline("retrain", "--why", "the first")
    assert "version 1 is @champion now" in text
    assert project.champion() == 1
    assert [(entry["kind"], entry["version"]) for entry in _journal(project)] == [("promotion", 1)]
    assert _tree(project) == ""
    assert not (project.workspace / "train").exists()
    assert [path for path in (project.workspace / "checkouts").iterdir() if path.is_dir()] == []
    refs = subprocess.run(
        ["git", "for-each-ref", "refs/exps"], cwd=project.folder, capture_output=True, text=True, check=True
    )
    assert "retrain-" in refs.stdout


def test_unchanged_it_says_so_in_seconds(project: Project) -> None:
    began = time.monotonic()
    text = project.stemline("retrain")
    assert "are those of the champion, version 1: nothing to train" in text
    assert "Running stage" not in text
    assert time.monotonic() - began < 120  # most of it is Prefect's own start, on a busy machine
    assert len(_journal(project)) == 1


def test_killed_in_the_middle_the_next_one_goes_on(project: Project) -> None:
    text = (project.folder / "params.yaml").read_text()
    (project.folder / "params.yaml").write_text(text.replace("steps: 20", "steps: 400"))
    project.git("commit", "-qam", "Train longer")
    process = project.start("pipelines.cli", "retrain")
    deadline = time.monotonic() + 300
    scratch = project.workspace / "scratch" / "train"
    before = set(scratch.glob("*/checkpoint.pt"))
    while not (set(scratch.glob("*/checkpoint.pt")) - before) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _wait_until_all_ended(project)
    text = project.stemline("retrain")
    assert "train: going on from step" in text
    assert "Version 2" in text or "version 2" in text


def _wait_until_all_ended(project: Project) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        running = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and process.cwd().startswith(str(project.folder)):
                    running.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        if not running:
            return
        time.sleep(0.2)
    raise AssertionError(running)


@pytest.fixture
def served(project: Project) -> Iterator[dict[str, str]]:
    """A Prefect server, and `stemline serve` in the project."""
    home = project.folder.parent / "prefect"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    port = _free_port()
    variables = {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    environment = project.environment | variables
    command = [PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        serving = None
        try:
            _until(lambda: requests.get(f"{variables['PREFECT_API_URL']}/health", timeout=5).ok, 180)
            serving = subprocess.Popen(
                [sys.executable, "-m", "pipelines.cli", "serve"],
                cwd=project.folder, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
            yield variables
        finally:
            for process in (serving, server):
                if process is not None:
                    for child in psutil.Process(process.pid).children(recursive=True):
                        child.kill()
                    process.kill()
                    process.wait()


def _until(done: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if done():
                return
        except requests.RequestException:
            pass
        time.sleep(0.5)
    raise AssertionError("it did not happen")


def test_an_event_starts_a_retraining(project: Project, served: dict[str, str]) -> None:
    """The data change, and the server starts what prefect.yaml says: a run of `retrain`, named by its reason."""
    api = served["PREFECT_API_URL"]

    def deployed() -> bool:
        found = requests.post(f"{api}/deployments/filter", json={}, timeout=30).json()
        return {"scheduled", "data", "whole", "catalogue", "comparison"} <= {item["name"] for item in found}

    _until(deployed, 120)
    scheduled = requests.post(f"{api}/deployments/filter", json={}, timeout=30).json()
    retrain = next(item for item in scheduled if item["name"] == "scheduled")
    assert retrain["schedules"][0]["schedule"]["cron"] == "0 3 * * 0"
    assert retrain["global_concurrency_limit"]["limit"] == 1
    code = (
        "from prefect.events import emit_event\n"
        "import time\n"
        "emit_event('stemline.data.changed', resource={'prefect.resource.id': 'stemline.data.test'})\n"
        "time.sleep(3)\n"
    )
    subprocess.run([sys.executable, "-c", code], env=project.environment | served, check=True, cwd=project.folder)

    def run_of_event() -> dict[str, Any] | None:
        runs = requests.post(f"{api}/flow_runs/filter", json={}, timeout=30).json()
        mine = [run for run in runs if run["parameters"].get("why") == "new data"]
        return mine[0] if mine else None

    _until(lambda: run_of_event() is not None, 120)
    _until(lambda: (run_of_event() or {})["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED"), 300)
    run = run_of_event()
    assert run is not None
    assert run["state"]["type"] == "COMPLETED", run["state"]
    assert "nothing to train" in run["state"]["message"] or "version" in run["state"]["message"]
    assert project.store().get_registered_model(NAME).aliases
