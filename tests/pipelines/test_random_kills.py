"""Thirty kills with -9 at random moments, of flows, stages, the worker and every server: nothing is lost.

Retrainings are asked for one after the other until so many kills were made; then all is left alone, and journal,
registry and trainings are looked at.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import psutil
import pytest
import requests
from project import NAME, Project
from stack.project import StackedProject, project_in_a_stack, set_values
from stack.server import wait_until
from stack.stack import ENDED, POOL, Stack, wait_for_state

from components.core.journal import Journal
from components.core.stores.opening import open_store

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3000)]

KILLS = 30
SEED = 20261125
RETRAIN = "retrain/scheduled"
SILENCE = 70  # seconds, for minutes: else the test would wait for most of an hour


@pytest.fixture(scope="module")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackedProject]:
    with project_in_a_stack(tmp_path_factory.mktemp("kills")) as both:
        yield both


@pytest.fixture(scope="module")
def project(stacked: StackedProject) -> Project:
    return stacked.project


@pytest.fixture(scope="module")
def stack(stacked: StackedProject) -> Stack:
    return stacked.stack


class Killer:
    """Kills one thing at a time, at random, and starts servers again a little later."""

    def __init__(self, project: Project, stack: Stack) -> None:
        self.random = random.Random(SEED)
        self.project, self.stack = project, stack
        self.made: Counter[str] = Counter()
        self._kinds: dict[str, Callable[[], bool]] = {
            "mlflow": self._mlflow,
            "prefect": self._prefect,
            "postgres": self._postgres,
            "store": self._store,
            "worker": self._worker,
            "flow": lambda: self._process("prefect.flow_engine", "prefect.engine"),
            "stage": lambda: self._process("components.", "dvc"),
        }

    def kill_something(self) -> None:
        """Make one kill of a random kind; of what does not run just now another is taken."""
        kinds = self.random.sample(sorted(self._kinds), len(self._kinds))
        kind = next(kind for kind in kinds if self._kinds[kind]())
        self.made[kind] += 1

    def _pause(self) -> None:
        time.sleep(self.random.uniform(0.0, 3.0))

    def _mlflow(self) -> bool:
        self.stack.mlflow.kill()
        self._pause()
        self.stack.mlflow.start()
        return True

    def _prefect(self) -> bool:
        self.stack.prefect.kill()
        self._pause()
        self.stack.prefect.start()
        self.stack.prefect.wait()  # we ask it things ourselves
        return True

    def _postgres(self) -> bool:
        self.stack.postgres.kill()
        self._pause()
        self.stack.postgres.start()
        self.stack.prefect.wait()
        return True

    def _store(self) -> bool:
        self.stack.bucket.stop()
        self._pause()
        self.stack.bucket.start()
        return True

    def _worker(self) -> bool:
        self.stack.worker.kill_alone()
        self._pause()
        self.stack.worker.start()
        return True

    def _process(self, *words: str) -> bool:
        """Kill one process that works in the project or a clone of it and has one of `words` in its command."""
        found = [
            process
            for process in psutil.process_iter()
            if _folder(process).startswith(str(self.project.folder))
            and any(word in part for part in _command(process) for word in words)
        ]
        if not found:
            return False
        self.random.choice(sorted(found, key=lambda process: process.pid)).kill()
        return True


def _soon_dead(stack: Stack) -> None:
    """Have the server say sooner that a run is dead of which nothing is heard."""
    for found in stack.ask("automations/filter"):
        if found["name"].startswith("stemline: runs "):
            found["trigger"]["within"] = SILENCE
            kept = {name: found[name] for name in ("name", "description", "enabled", "tags", "trigger", "actions")}
            address = f"{stack.variables['PREFECT_API_URL']}/automations/{found['id']}"
            requests.put(address, json=kept, timeout=60).raise_for_status()


def _at_work(project: Project) -> bool:
    return any("prefect worker" not in command for command in project.processes())


def test_thirty_kills_lose_nothing(project: Project, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stack.bucket.variables.items():
        monkeypatch.setenv(name, value)
    project.stemline("deploy", POOL)
    _soon_dead(stack)
    killer = Killer(project, stack)
    seed = 100
    run_id = ""
    while sum(killer.made.values()) < KILLS:
        if not run_id or stack.state(run_id)["type"] in ENDED:
            if not run_id or stack.state(run_id)["type"] == "COMPLETED":
                seed += 1
                set_values(project, {"train.seed": seed})
            run_id = stack.start_run(RETRAIN, commit="HEAD", why=f"kills, seed {seed}")
        time.sleep(killer.random.uniform(0.5, 8.0))
        if _at_work(project):  # else there is nothing to lose
            killer.kill_something()
    print(f"\nkills: {dict(killer.made)}")
    for server in (stack.mlflow, stack.prefect):
        server.wait()

    def settles() -> bool:
        """Ask again until a retraining could run to its end: the slot of a killed one is free after a while."""
        state = wait_for_state(stack, stack.start_run(RETRAIN, commit="HEAD", why="at last"), 600.0)
        return bool(state["type"] == "COMPLETED")

    wait_until(settles, "a retraining that runs to its end", 600.0)
    journal = Journal(open_store("s3://music/books"))
    entries = journal.of(NAME)
    assert entries, "something was promoted"
    assert len({entry.version for entry in entries}) == len(entries), "no promotion was written twice"
    client = stack.client()
    assert int(client.get_registered_model(NAME).aliases["champion"]) == entries[-1].version
    promoted = {
        int(run["state"]["message"].split()[1])
        for run in stack.flow_runs("retrain")
        if " is @champion now" in str(run["state"]["message"])
    }
    assert promoted <= {entry.version for entry in entries}, "no promotion was lost"
    experiment = client.get_experiment_by_name(NAME).experiment_id
    trained = Counter(
        run.data.params["train.seed"]
        for run in client.search_runs([experiment])
        if "train/loss" in run.data.metrics and run.info.status == "FINISHED"
    )
    assert set(trained.values()) == {1}, "no finished training was made again"
    assert str(seed) in trained
    left = [command for command in project.processes() if "prefect worker" not in command]
    assert left == []


def _folder(process: psutil.Process) -> str:
    try:
        return process.cwd() if process.status() != psutil.STATUS_ZOMBIE else ""
    except psutil.Error:
        return ""


def _command(process: psutil.Process) -> list[str]:
    try:
        command: list[str] = process.cmdline()
        return [] if any(part == "worker" for part in command) else command
    except psutil.Error:
        return []
