"""Approvals on a real Prefect server: a flow pauses, and a client resumes it with an answer, or not.

The flow is a small one around what a retraining does after its gate; models, registry, steps and journal are real.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import requests
import soundfile
from ruamel.yaml import YAML

from components.core.base.files import write_json
from components.core.release.verdict import Verdict
from tests.support.databases import new_mlflow_store
from tests.support.prefect_server import prefect_server
from tests.support.tiny_models import noise, run_python, save_tiny_model

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[3]
NAME = "vocal-isolation"
FLOW = """
import sys
from pathlib import Path
from pipelines.flows import retraining
from pipelines.processes.command import run_to_exit_code
from pipelines.running.project_stages import CURRENT_PROJECT
from components.core.release.verdict import Verdict
from prefect import flow
from prefect.states import Completed

@flow(name="after the gate")
def after():
    return Completed(message=retraining.promote(CURRENT_PROJECT, Verdict.read(Path("workspace/gate")), True))

def run():
    for word in sys.argv[1:]:
        if word == "forgotten":
            retraining.approve = lambda place, verdict: None
        print(f"{word}:", after(return_state=True).message)

if __name__ == "__main__":
    sys.exit(run_to_exit_code(run))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of clients of a running Prefect server."""
    with prefect_server(tmp_path_factory.mktemp("prefect")) as variables:
        yield variables


def _until(done: Any, seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := done():
                return found
        except requests.RequestException:
            pass
        time.sleep(0.5)
    raise AssertionError("it did not happen")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two registered versions; the first is live."""
    folder = tmp_path_factory.mktemp("registry")
    store = new_mlflow_store(folder / "mlflow.db")
    client = mlflow.MlflowClient(store, store)
    client.create_registered_model(NAME)
    for number in (1, 2):
        save_tiny_model(folder / str(number) / "artifacts" / "model", seed=number)
        client.create_model_version(NAME, (folder / str(number)).as_uri())
    client.set_registered_model_alias(NAME, "champion", "1")
    return folder / "mlflow.db"


def _start_repository(folder: Path) -> None:
    git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", "-C", str(folder)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "params.yaml"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "A project"], check=True)


class ApprovalProject:
    """A project whose version 2 has just passed the gate against version 1, and a flow that asks for approval."""

    def __init__(self, folder: Path, server: dict[str, str], registry: Path) -> None:
        self.folder, self.api = folder, server["PREFECT_API_URL"]
        self.variables = server | {"STEMLINE_WORKSPACE": str(folder / "workspace"), "MLFLOW_TRACKING_URI": self.store}
        self.wait_hours(1.0)
        (folder / "songs").mkdir()
        soundfile.write(folder / "songs" / "one.flac", noise(1, 44100).T, 44100)
        (folder / "flow.py").write_text(FLOW)
        _start_repository(folder)
        shutil.copyfile(registry, folder / "mlflow.db")
        self.verdict = Verdict(
            name=NAME,
            version=2,
            passed=True,
            rule="not worse",
            reasons=("vocals: +1 dB",),
            champion=1,
            test_digest="tracks",
            sha256="weights",
            run_id="run",
        )
        write_json(folder / "workspace" / "gate" / "verdict.json", self.verdict.__dict__)

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def client(self) -> mlflow.MlflowClient:
        return mlflow.MlflowClient(self.store, self.store)

    def wait_hours(self, hours: float) -> None:
        """Write the parameters with this time to wait for an answer."""
        yaml = YAML()
        document = yaml.load(ROOT / "params.yaml")
        document["shadow"] |= {"source": "songs", "seconds": 0.5, "wait_hours": hours}
        yaml.dump(document, self.folder / "params.yaml")

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        environment = os.environ | self.variables | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "flow.py", *arguments],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def paused(self, process: "subprocess.Popen[str]", seen: int = 0) -> dict[str, Any]:
        """Return the waiting run as soon as it has paused more than `seen` times."""

        def found() -> dict[str, Any] | None:
            assert process.poll() is None, process.communicate()[0]
            query = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}
            runs = requests.post(f"{self.api}/flow_runs/filter", json=query, timeout=30).json()
            return next((run for run in runs if len(run["empirical_policy"]["pause_keys"]) > seen), None)

        result: dict[str, Any] = _until(found)
        return result

    def running(self) -> list[str]:
        """Return the names of the flows that run."""
        query = {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
        found = requests.post(f"{self.api}/flows/filter", json=query, timeout=30).json()
        return [flow["name"] for flow in found]

    def answer(self, run: dict[str, Any], **given: object) -> str:
        """Fill in the form as soon as it exists; return the server's answer."""

        def said() -> str | None:
            answer = requests.post(f"{self.api}/flow_runs/{run['id']}/resume", json={"run_input": given}, timeout=30)
            answer.raise_for_status()  # the SQLite file was locked, so ask again
            found = answer.json()
            return None if "schema not found" in str(found["details"]) else str(found["status"])

        return str(_until(said))

    def live(self) -> int:
        return int(self.client.get_model_version_by_alias(NAME, "champion").version)

    def journal(self) -> list[dict[str, Any]]:
        folder = self.folder / "workspace" / "promote" / "journal"
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]

    def artifacts(self) -> str:
        return str(requests.post(f"{self.api}/artifacts/filter", json={}, timeout=30).json())


def test_approved_version_goes_live_with_name_and_reason(
    server: dict[str, str], registry: Path, tmp_path: Path
) -> None:
    project = ApprovalProject(tmp_path, server, registry)
    process = project.start("approved")
    run = project.paused(process)
    assert run["tags"] == ["stemline"], "the server's automations know it as ours"
    assert project.running() == ["after the gate"], "the run keeps its slot, and only the question inside it pauses"
    page = tmp_path / "workspace" / "shadow" / f"{NAME}-2"
    assert (page / "page" / "index.html").as_uri() in project.artifacts()
    assert project.answer(run, approve=True, by=" ", why="x") == "REJECT"  # nobody
    assert project.answer(run) == "REJECT"
    assert project.answer(run, approve=True, by="Ada", why="clearer", answers="rubbish") == "ACCEPT"
    run = project.paused(process, seen=1)  # the flow asks again
    assert project.live() == 1
    key = json.loads((page / "key.json").read_text(encoding="utf-8"))
    letter = {role: letter for letter, role in key["recordings"]["01"]["roles"].items()}["challenger"]
    answers = json.dumps({"page": key["page"], "answers": [{"recording": "01", "choice": letter}]})
    assert project.answer(run, approve=True, by="Ada", why="clearer", answers=answers) == "ACCEPT"
    text, _ = process.communicate(timeout=300)
    assert "approved: version 2 is @champion now" in text, text
    assert "the challenger was better in 1, the champion in 0" in text
    assert "Asked again, since the answers could not be read: shadow.unblind: " in text
    assert project.live() == 2
    entry = project.journal()[-1]
    assert entry["why"] == "not worse: vocals: +1 dB; approved by Ada: clearer"
    assert (entry["evidence"]["approved_by"], entry["evidence"]["approved_why"]) == ("Ada", "clearer")
    assert entry["evidence"]["listening"]["counts"]["challenger"] == 1


def test_version_without_an_approval_does_not_go_live(server: dict[str, str], registry: Path, tmp_path: Path) -> None:
    """Three runs. In the last one the flow does not ask, and the promotion itself requires the approval."""
    project = ApprovalProject(tmp_path, server, registry)
    process = project.start("refused", "unanswered", "forgotten")
    run = project.paused(process)
    project.wait_hours(0.0005)  # for the next run
    assert project.answer(run, approve=False, by="Bob", why="voices hiss") == "ACCEPT"
    text, _ = process.communicate(timeout=300)
    assert "refused: version 2 was refused by Bob: voices hiss" in text, text
    assert project.client.get_model_version(NAME, "2").tags["approval.refused"] == "Bob: voices hiss"
    assert "unanswered: version 2 stays registered and is not live, since nobody answered until" in text, text
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"`stemline retrain {commit.stdout[:12]} --require-approval` asks again" in text
    assert text.count("Finished in state Completed('version 2 ") == 2
    assert "approval.json does not exist: ask for an approval" in text
    assert (project.live(), project.journal()) == (1, [])


def test_missing_server_says_how_to_start_one(tmp_path: Path) -> None:
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    _start_repository(tmp_path)
    more = {"PREFECT_API_URL": "", "STEMLINE_WORKSPACE": str(tmp_path / "workspace")}
    result = run_python("-m", "pipelines.terminal.cli", "retrain", "--require-approval", cwd=tmp_path, more=more)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "start one with `prefect server start`, then set PREFECT_API_URL" in result.stderr
