"""Retraining in a clone: it leaves nothing behind, reports when nothing changed, and goes on after a kill.

Schedule, events and a worker are in test_whole_loop.py.
"""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from components.core.base.files import digest_file
from components.core.data import artifacts
from components.core.release.verdict import Verdict
from components.core.release.version import VersionRef
from tests.support.project import Project, prepared_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = prepared_project(tmp_path_factory.mktemp("retraining") / "project")
    text = (project.folder / "params.yaml").read_text()
    (project.folder / "params.yaml").write_text(text.replace("steps: 20", "steps: 120"))  # long enough for a kill
    project.git("commit", "-qam", "Train longer")
    return project


def _journal(project: Project) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((project.workspace / "promote" / "journal").glob("*.json"))]


def _tree(project: Project) -> str:
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=project.folder, capture_output=True, text=True, check=True
    )
    return status.stdout


@pytest.mark.system
def test_retraining_continues_after_a_kill_and_leaves_nothing_behind(project: Project) -> None:
    process = project.start("pipelines.terminal.cli", "retrain", "--why", "the first")
    deadline = time.monotonic() + 300
    scratch = project.workspace / "scratch" / "train"
    while not list(scratch.glob("*/checkpoint.pt")) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _wait_until_all_ended(project)
    text = project.stemline("retrain", "--why", "once more")
    assert "train: going on from step" in text
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


@pytest.mark.system
def test_retraining_without_changes_trains_nothing(project: Project) -> None:
    text = project.stemline("retrain")
    assert "are those of the champion, version 1: nothing to train" in text
    assert "Running stage" not in text
    assert len(_journal(project)) == 1


@pytest.mark.parametrize("champion", [False, True])
def test_retraining_records_the_results_of_a_killed_one(
    champion: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC then has nothing to run. A live version was already recorded before its promotion."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    from pipelines.flows import retraining
    from pipelines.running.checkout import Checkout

    done: list[str] = []
    (tmp_path / "dvc.lock").write_text("stages: {}")
    verdict = (
        None
        if champion
        else Verdict(name="voices", version=2, passed=False, rule="rule", reasons=("worse",), champion=1)
    )
    monkeypatch.setattr(Checkout, "pull_options", lambda self: ())
    monkeypatch.setattr(Checkout, "push", lambda self: done.append("push"))
    monkeypatch.setattr(Checkout, "reproduce_all", lambda self, options: ["didn't change, skipping"])
    monkeypatch.setattr(Checkout, "save_experiment", lambda self, name: done.append(name))
    monkeypatch.setattr(retraining, "register_and_judge", lambda place: verdict)
    monkeypatch.setattr(
        retraining,
        "registered_version",
        lambda place: VersionRef(name="voices", version=1, run_id="run", sha256="weights"),
    )
    monkeypatch.setattr(retraining, "publish_verdict", lambda verdict, folder: None)
    monkeypatch.setattr(retraining, "promote", lambda *_: "refused")
    retraining.retrain_checkout(Checkout(tmp_path, tmp_path / "workspace"), False)
    assert done == ([] if champion else [f"retrain-{digest_file(tmp_path / 'dvc.lock')[:12]}", "push"])


def test_artifact_of_the_verdict_has_reasons_and_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    from pipelines.flows import retraining

    made: list[str] = []
    monkeypatch.setattr(retraining, "create_markdown_artifact", lambda text, **_: made.append(text))
    artifacts.VERDICT_PICTURE.within(tmp_path).write_bytes(b"a picture")
    retraining.publish_verdict(
        Verdict(name="voices", version=2, passed=False, rule="rule", reasons=("vocals: worse",), champion=1), tmp_path
    )
    [text] = made
    assert text.startswith("# Version 2 was refused")
    assert "- vocals: worse" in text
    assert base64.b64decode(text.split("base64,")[1].removesuffix(")")) == b"a picture"


ONE_STAGE = """\
stages:
  make:
    cmd: date +%s%N > model.txt
    deps: [code.py]
    params: [train]
    outs: [model.txt]
"""


def _git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)


def _small_project(folder: Path, remote: Path) -> None:
    """A project with a DVC remote and one stage, whose result differs each time."""
    folder.mkdir()
    texts = {"dvc.yaml": ONE_STAGE, "params.yaml": "acquire:\n  folder: data\ntrain: 5\n", "code.py": "print(1)\n"}
    for name, text in (texts | {".gitignore": "/workspace/\n/model.txt\n"}).items():
        (folder / name).write_text(text)
    _git(folder, "init", "--quiet")
    for arguments in (["init", "--quiet"], ["remote", "add", "--default", "--quiet", "shared", str(remote)]):
        subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, check=True)
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "First")


def test_machine_pulls_results_that_another_one_pushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    from pipelines.flows import retraining
    from pipelines.processes.command import run_command
    from pipelines.running import checkout as checkouts
    from pipelines.running import project_stages as projects

    messages: list[str] = []

    def run_as_task(name: str, command: list[str], folder: Path, environment: dict[str, str], **_: object) -> list[str]:
        lines = run_command(command, folder=folder, environment=environment)
        messages.extend(lines)
        return lines

    for module in (projects, checkouts):
        monkeypatch.setattr(module, "run_as_task", run_as_task)
    monkeypatch.setattr(projects, "STAGES", ("make",))
    monkeypatch.setattr(retraining, "repair_registry", lambda place: None)
    monkeypatch.setattr(
        retraining,
        "register_and_judge",
        lambda place: Verdict(name="m", version=2, passed=False, rule="rule", reasons=("worse",), champion=1),
    )
    monkeypatch.setattr(retraining, "publish_verdict", lambda verdict, folder: None)
    monkeypatch.setattr(retraining, "promote", lambda *_: "refused")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.org")

    def made(project: Path) -> tuple[str, bool]:
        monkeypatch.chdir(project)
        messages.clear()
        with checkouts.open_checkout() as checkout:
            retraining.retrain_checkout(checkout, False)
            model = (checkout.folder / "model.txt").read_text()
            checkout.delete()
        return model, any("Running stage" in line for line in messages)

    first, second = tmp_path / "first", tmp_path / "second"
    _small_project(first, tmp_path / "remote")
    _git(tmp_path, "clone", "--quiet", "first", "second")
    model, ran = made(first)
    assert ran
    assert made(second) == (model, False)
    shutil.rmtree(tmp_path / "remote")
    shutil.rmtree(second / ".dvc" / "cache")
    again, ran = made(second)  # the file is made where it is missing
    assert (again != model, ran) == (True, True)


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
