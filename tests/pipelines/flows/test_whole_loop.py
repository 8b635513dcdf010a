"""The whole loop on the real stack: schedule, retraining, gate, promotion, catalogue, drift, refusal, rollback."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from components.core.stores.opening import open_store
from tests.support.processes import wait_until
from tests.support.project import STAGES, Project
from tests.support.stack.stack import POOL, Stack, wait_for_state
from tests.support.stack.stacked_project import NAME, StackedProject, add_song, project_in_a_stack, set_values
from tests.support.tiny_models import noise

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

RETRAIN = "retrain/scheduled"
NEVER = "0 3 29 2 *"


@pytest.fixture(scope="module")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackedProject]:
    with project_in_a_stack(tmp_path_factory.mktemp("loop")) as both:
        yield both


@pytest.fixture(scope="module")
def project(stacked: StackedProject) -> Project:
    return stacked.project


@pytest.fixture(scope="module")
def stack(stacked: StackedProject) -> Stack:
    return stacked.stack


@pytest.fixture(autouse=True)
def _credentials(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stack.bucket.variables.items():
        monkeypatch.setenv(name, value)


def journal() -> list[dict[str, Any]]:
    store = open_store("s3://music/books")
    return [json.loads(store.read(f"journal/{name}") or b"") for name in sorted(store.names("journal"))]


def champion(stack: Stack) -> int:
    return int(stack.client().get_registered_model(NAME).aliases["champion"])


def test_schedule_trains_and_promotes_the_first_model(project: Project, stack: Stack, tmp_path: Path) -> None:
    file = project.folder / "prefect.yaml"
    file.write_text(file.read_text().replace('"0 3 * * 0"', '"* * * * *"'))
    project.stemline("deploy", POOL)
    wait_until(lambda: _running(stack), "the schedule", every=1.0)
    file.write_text(file.read_text().replace('"* * * * *"', f'"{NEVER}"'))
    project.git("checkout", "--quiet", "prefect.yaml")
    stack.ask(f"deployments/{stack.deployment(RETRAIN)['id']}/pause_deployment")
    (run,) = _running(stack)
    assert run["name"] == "retrain at HEAD: schedule"
    _restart_prefect(stack, run)
    state = wait_for_state(stack, run["id"])
    assert (state["type"], champion(stack)) == ("COMPLETED", 1), state
    assert "version 1 is @champion now" in state["message"]
    assert [(entry["kind"], entry["version"]) for entry in journal()] == [("promotion", 1)]
    assert f"Prefect flow run {run['id']}" in journal()[0]["by"]
    stack.bucket.get("dvc/files", tmp_path)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) > len(STAGES), "data went to DVC's remote"


def _running(stack: Stack) -> list[dict[str, Any]]:
    return [run for run in stack.flow_runs("retrain") if run["state"]["type"] == "RUNNING"]


def _restart_prefect(stack: Stack, run: dict[str, Any]) -> None:
    """Kill and restart the server. A run with a concurrency limit must keep its slot, else it soon ends."""
    stack.prefect.kill()
    stack.prefect.start()
    stack.prefect.wait()
    lease = run["state"]["state_details"]["deployment_concurrency_lease_id"]
    stack.ask(f"v2/concurrency_limits/leases/{lease}/renew", lease_duration=300)


def test_new_data_lead_to_a_better_live_model(project: Project, stack: Stack) -> None:
    wait_for_state(stack, stack.start_run("watch-data/data", source="data"))
    add_song(project, "train", 11)
    set_values(project, {"train.steps": 300})
    wait_for_state(stack, stack.start_run("watch-data/data", source="data"))
    state = wait_for_state(stack, _called_for(stack, "new data"))
    assert "version 2 is @champion now" in state["message"], state
    aliases = stack.client().get_registered_model(NAME).aliases
    assert (aliases["champion"], aliases["previous"]) == ("2", "1")


def test_drift_leads_to_a_retraining_and_a_refused_worse_model(project: Project, stack: Stack, tmp_path: Path) -> None:
    # random weights and two steps make a worse model
    set_values(project, {"start.retrain": "model", "train.steps": 2, "separate.drift.recordings": 3})
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.flac", noise(number, 30000).T, 44100)
        stack.bucket.put(tmp_path / f"{number}.flac", f"in/{number}.flac")
    text = project.stemline("separate", "s3://music/in", "s3://music/out", "--pool", POOL, "--shards", "2")
    assert "3 recordings = 3 done" in text
    state = wait_for_state(stack, _called_for(stack, "drift"))
    assert "version 3 was refused" in state["message"], state
    assert champion(stack) == 2
    assert [entry["version"] for entry in journal()] == [1, 2]


def _called_for(stack: Stack, why: str) -> str:
    """Wait for the retraining that an event starts; return its flow run."""

    def found() -> list[str]:
        return [str(run["id"]) for run in stack.flow_runs("retrain") if run["name"].endswith(f": {why}")]

    wait_until(found, f"a retraining because of {why}", every=1.0)
    return found()[0]


def test_rollback_makes_the_previous_model_live(project: Project, stack: Stack) -> None:
    text = project.stemline("rollback", "--why", "hollow voices")
    assert "version 1 of vocal-isolation is @champion again" in text
    assert champion(stack) == 1
    assert [(entry["kind"], entry["version"]) for entry in journal()][-1] == ("rollback", 1)
    assert "hollow voices" in project.stemline("history")
    again = project.stemline("separate", "s3://music/in", "s3://music/out")
    assert "3 recordings = 3 done" in again, "what the other version made is made again"


def test_loop_leaves_nothing_running_or_locked(project: Project, stack: Stack) -> None:
    ours = [command for command in project.processes() if "prefect worker" not in command]
    assert ours == []
    checkouts = project.workspace / "checkouts"
    assert [path for path in checkouts.iterdir() if path.is_dir()] == []
