"""`stemline serve` and `stemline deploy` with a real Prefect server: notifications, time limits, dead runs."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
import yaml
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Pending, Running

from components.core.base.errors import UserError
from components.core.base.params import PARAMS
from pipelines.server import automations
from pipelines.server.automations import SHARD_TAG, TAG, connect_to_server, end_dead_runs
from pipelines.server.deployments import set_time_limits
from tests.support.prefect_server import Receiver, client_of
from tests.support.processes import end, wait_until
from tests.support.project import ROOT, running_in
from tests.support.stack.postgres import MISSING, Postgres, postgres_programs
from tests.support.stack.stack import PASSWORDS, prefect_on

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

FLOWS = """\
import sys
from typing import Any

from prefect import flow
from prefect.states import Completed, Failed

from pipelines.running.tasks import run_as_task

HANG = [sys.executable, "-c", "import time; time.sleep(600)"]


@flow(name="fails", flow_run_name="fail for {why}")
def fails(why: str = "a reason") -> Any:
    return Failed(message='it said "no"\\nand <nothing> {{ more }} \\\\ ü')


@flow(name="retrain", flow_run_name="retrain at HEAD")
def retrain() -> Any:
    return Completed(message="version 3 was refused: worse")


@flow(name="quick")
def quick() -> Any:
    return Completed()


@flow(name="hangs")
def hangs() -> Any:
    run_as_task("hang", HANG)


@flow(name="trains")
def trains() -> Any:
    run_as_task("train", HANG)
"""
NAMES = ("fails", "retrain", "quick", "hangs", "trains")
SECRET = "k3ep-this-to-yourself"
POOL = "studio"
TEN_SECONDS = 10 / 3600


def _write_deployments(*names: str, limited: str = "") -> str:
    sections: list[dict[str, Any]] = [
        {"name": f"the-{name}", "entrypoint": f"our_flows.py:{name}", "tags": ["stemline"]}
        | ({"time_limit_hours": TEN_SECONDS} if name == limited else {})
        for name in names
    ]
    return yaml.safe_dump({"name": "test", "prefect-version": "3.8.8", "deployments": sections})


class Studio:
    """A Prefect server, a receiver of notifications, and a project whose flows are served and deployed."""

    def __init__(self, folder: Path, variables: dict[str, str], receiver: Receiver) -> None:
        self.folder, self.variables, self.receiver = folder, variables, receiver
        self.api = variables["PREFECT_API_URL"]
        self.webhook = {automations.WEBHOOK_VARIABLE: f"{receiver.address}/hooks/{SECRET}"}
        self.log = folder / "log"
        (folder / "our_flows.py").write_text(FLOWS)

    def serve(self, **more: str) -> "subprocess.Popen[bytes]":
        """Start `stemline serve`, and wait until it executes runs."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(self.command("serve"), cwd=self.folder, env=self.environment(more),
                                       stdout=log, stderr=log)  # fmt: skip
        wait_until(lambda: process.poll() is not None or "are being served" in self.log.read_text(), seconds=180)
        assert process.poll() is None, self.log.read_text()
        return process

    def deploy(self, **more: str) -> str:
        return subprocess.run(
            self.command("deploy", POOL), cwd=self.folder, env=self.environment(more), check=True, text=True,
            capture_output=True,
        ).stdout  # fmt: skip

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "pipelines.terminal.cli", *arguments]

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        return {**os.environ, **self.variables, "COLUMNS": "160", **more}

    def start(self, flow: str) -> str:
        """Start a run of the flow; return its id."""
        address = f"{self.api}/deployments/name/{flow}/the-{flow}"
        wait_until(lambda: requests.get(address, timeout=30).ok, seconds=180)
        found = requests.get(address, timeout=30).json()["id"]
        once = {"idempotency_key": str(uuid4())}  # on a busy machine the server's SQLite is locked now and then
        runs: list[requests.Response] = []

        def created() -> bool:
            runs.append(requests.post(f"{self.api}/deployments/{found}/create_flow_run", json=once, timeout=30))
            return runs[-1].ok

        wait_until(created, seconds=60)
        return str(runs[-1].json()["id"])

    def state(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.api}/flow_runs/{run}", timeout=30).json()["state"]
        return found

    def automations(self) -> dict[str, str]:
        found = requests.post(f"{self.api}/automations/filter", json={}, timeout=30).json()
        return {item["name"]: item["id"] for item in found}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """Prefect's database: with SQLite its events come too late when other tests run."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip(MISSING)
    server = Postgres(programs, PASSWORDS)
    try:
        server.make()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def studio(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder, receiver = tmp_path_factory.mktemp("server"), Receiver()
    soon = "PREFECT_SERVER_SERVICES_LATE_RUNS_"
    server = prefect_on(postgres, folder, **{f"{soon}AFTER_SECONDS": "1", f"{soon}LOOP_SECONDS": "1"})
    server.start()
    try:
        server.wait()
        variables = client_of(folder, server.health.removesuffix("/health"))
        project = tmp_path_factory.mktemp("project")
        shutil.copyfile(ROOT / PARAMS, project / PARAMS)
        yield Studio(project, variables, receiver)
    finally:
        server.kill()
        receiver.stop()


@pytest.fixture(scope="module")
def serving(studio: Studio) -> Iterator["subprocess.Popen[bytes]"]:
    (studio.folder / "prefect.yaml").write_text(_write_deployments(*NAMES, limited="hangs"))
    process = studio.serve(**studio.webhook)
    try:
        yield process
    finally:
        end(process)


@pytest.fixture(scope="module")
def runs(studio: Studio, serving: "subprocess.Popen[bytes]") -> dict[str, str]:
    """The ids of runs of all flows, started under `stemline serve`."""
    return {name: studio.start(name) for name in NAMES}


def _ended_by(number: signal.Signals, serving: "subprocess.Popen[bytes]", studio: Studio) -> None:
    """Send the signal while a stage runs: serve and everything that it started end."""
    wait_until(lambda: any("time.sleep(600)" in command for command in running_in(studio.folder)), seconds=180)
    serving.send_signal(number)
    assert serving.wait(60) == 0
    wait_until(lambda: not running_in(studio.folder), seconds=20)


def test_failure_with_any_message_is_notified_as_json(studio: Studio, runs: dict[str, str]) -> None:
    wait_until(lambda: studio.receiver.told("fails"), seconds=180)
    message = 'it said "no"\nand <nothing> {{ more }} \\ ü'
    assert studio.receiver.told("fails") == [
        {
            "text": f"fails: fail for a reason: Failed: {message}",
            "flow": "fails",
            "run": "fail for a reason",
            "state": "Failed",
            "message": message,
            "link": f"{studio.api.removesuffix('/api')}/runs/flow-run/{runs['fails']}",
        }
    ]
    assert set(studio.receiver.paths) == {f"/hooks/{SECRET}"}


def test_only_retrainings_are_notified_when_completed(studio: Studio, runs: dict[str, str]) -> None:
    wait_until(lambda: studio.receiver.told("retrain"), seconds=180)
    (told,) = studio.receiver.told("retrain")
    assert (told["state"], told["message"]) == ("Completed", "version 3 was refused: worse")
    wait_until(lambda: studio.state(runs["quick"])["type"] == "COMPLETED", seconds=180)
    assert studio.receiver.told("quick") == []


def test_run_over_its_time_limit_is_cancelled_and_notified(studio: Studio, runs: dict[str, str]) -> None:
    wait_until(lambda: studio.receiver.told("hangs"), seconds=180)
    (told,) = studio.receiver.told("hangs")
    assert told["state"] == "Cancelling"
    assert told["message"] == "it ran for longer than its time limit, 0:00:10"
    wait_until(lambda: studio.state(runs["hangs"])["type"] == "CANCELLED", seconds=180)
    assert len([command for command in running_in(studio.folder) if "time.sleep(600)" in command]) == 1
    assert studio.state(runs["trains"])["type"] == "RUNNING"  # no limit is set for it


def test_address_of_the_webhook_stays_secret(studio: Studio, postgres: Postgres, runs: dict[str, str]) -> None:
    wait_until(lambda: studio.receiver.told("fails"), seconds=180)
    home = Path(studio.variables["PREFECT_HOME"])
    places = [*home.rglob("*"), *(postgres.folder / "data").rglob("*"), studio.log]
    files = {path: path.read_bytes() for path in places if path.is_file()}
    assert any(automations.WEBHOOK_BLOCK.encode() in data for path, data in files.items() if "pg_wal" in path.parts)
    assert [path.name for path, data in files.items() if SECRET.encode() in data] == []
    shown = requests.post(f"{studio.api}/automations/filter", json={}, timeout=30).text
    assert "stemline: report runs that fail or are cancelled" in shown
    assert SECRET not in shown
    blocks = requests.post(f"{studio.api}/block_documents/filter", json={}, timeout=30).text
    assert automations.WEBHOOK_BLOCK in blocks
    assert SECRET not in blocks


def test_interrupt_ends_serve_and_its_processes(
    studio: Studio, runs: dict[str, str], serving: "subprocess.Popen[bytes]"
) -> None:
    _ended_by(signal.SIGINT, serving, studio)


def test_serve_names_deployments_that_prefect_yaml_no_longer_has(studio: Studio, runs: dict[str, str]) -> None:
    """The server gets another prefect.yaml, and SIGTERM ends `serve`."""
    before = studio.automations()
    (studio.folder / "prefect.yaml").write_text(_write_deployments("hangs", "trains"))
    serving = studio.serve()
    try:
        said = studio.log.read_text()
        assert "fails/the-fails is registered, but not in prefect.yaml" in said
        assert "STEMLINE_WEBHOOK is not set: notifications are left as they are" in said
        after = studio.automations()
        assert before.keys() - after.keys() == {"stemline: time limit of hangs/the-hangs"}
        assert after.items() <= before.items()
        studio.start("trains")
        _ended_by(signal.SIGTERM, serving, studio)
    finally:
        end(serving)


@pytest.fixture
def here(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """This process as a client of the server."""
    for name, value in studio.webhook.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PREFECT_API_URL", studio.api)
    with temporary_settings({PREFECT_API_URL: studio.api}):
        yield studio


def test_deploying_twice_duplicates_nothing_and_late_and_dead_runs_are_notified(
    here: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    _shorten_waits(monkeypatch)
    (here.folder / "prefect.yaml").write_text(_write_deployments("quick", limited="quick"))
    requests.post(f"{here.api}/work_pools/", json={"name": POOL, "type": "process"}, timeout=30).raise_for_status()
    here.deploy()
    with connect_to_server() as client:
        client.create_automation(_earlier_notification())
        automations.notify_by_webhook(client)
        end_dead_runs(client)
        set_time_limits(client, [])  # the time limit of the deployment would cancel the dead run first
    late, dead, lost, shard = here.start("quick"), here.start("quick"), here.start("quick"), _shard()
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(lost), Pending(name="Submitting"), force=True)
    _set_running_and_silent(here, dead, TAG)
    _set_running_and_silent(here, shard, SHARD_TAG)
    before = here.automations()
    assert _earlier_notification().name not in before
    wait_until(lambda: {here.state(run)["type"] for run in (dead, lost, shard)} == {"CRASHED"}, seconds=180)
    wait_until(lambda: len(here.receiver.told("quick")) == 3, seconds=180)
    told = {(found["state"], found["link"].rsplit("/", 1)[-1]) for found in here.receiver.told("quick")}
    assert told == {("Late", late), ("Crashed", dead), ("Crashed", lost)}
    assert here.receiver.told("separate-shard") == []
    here.deploy()
    assert here.automations().keys() == before.keys() | {"stemline: time limit of quick/the-quick"}
    found = requests.post(f"{here.api}/deployments/filter", json={}, timeout=30).json()
    (deployed,) = [item for item in found if item["name"] == "the-quick"]
    assert (deployed["work_pool_name"], deployed["tags"]) == (POOL, ["stemline"])
    assert deployed["job_variables"] == {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}}


def _earlier_notification() -> AutomationCore:
    """Return a notification with the name that it had in an earlier version."""
    values = automations.read_automations()["notifications"][0]
    name = "stemline: tell of runs that end badly"
    return AutomationCore.model_validate(values | {"name": name, "actions": [{"type": "do-nothing"}]})


def _shorten_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the automations wait for ten seconds instead of minutes."""
    document = deepcopy(automations.read_automations())
    for automation in (*document["automations"], *document["notifications"]):
        if "within" in automation["trigger"]:
            automation["trigger"]["within"] = 10
    monkeypatch.setattr(automations, "read_automations", lambda: document)


def _shard() -> str:
    """Create a run with the tag of a catalogue's shards."""
    with get_client(sync_client=True) as client:
        return str(client.create_flow_run(Flow(lambda: None, name="separate-shard"), tags=[SHARD_TAG]).id)


def _set_running_and_silent(studio: Studio, run: str, tag: str) -> None:
    """Send one heartbeat of a run, and no more."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(run), Running(), force=True)
    lives = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
        "related": [{"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}],
    }
    requests.post(f"{studio.api}/events", json=[lives], timeout=30).raise_for_status()


def test_wrong_webhook_address_is_a_user_error_that_hides_it(here: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(automations.WEBHOOK_VARIABLE, f"hooks/{SECRET}")
    with connect_to_server() as client, pytest.raises(UserError, match="begins with http:// or https://") as caught:
        automations.notify_by_webhook(client)
    assert SECRET not in str(caught.value)
