"""Thirty kills with -9 at random moments of the whole loop, of flows, stages, worker and servers: nothing is lost.

Retrainings, a catalogue and a rollback are asked for until so many kills were made of each, and then until they are
done; then journal, registry, trainings and stems are looked at.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import soundfile
import yaml

from components.core.release.journal import Journal, JournalEntry
from components.core.stores.opening import open_store
from demo_songs import render_song
from tests.support.processes import wait_until
from tests.support.project import Project
from tests.support.stack.stack import ENDED, POOL, Stack, wait_for_state
from tests.support.stack.stacked_project import NAME, StackedProject, project_in_a_stack, set_values

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3000)]

KILLS = {"retrainings": 16, "catalogue": 8, "rollback": 6}
SEED = 20261125
RETRAIN = "retrain/scheduled"
SILENCE = 70  # seconds instead of minutes, so that the test does not wait for most of an hour


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
            "flow": lambda: self._process("prefect.flow_engine", "prefect.engine", "pipelines.terminal.cli"),
            "stage": lambda: self._process("components.", "dvc"),
        }

    @property
    def kills(self) -> int:
        """The number of kills so far."""
        return sum(self.made.values())

    def kill_something(self) -> None:
        """Make one kill of a random kind; if its process does not run now, try another kind."""
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
        self.stack.prefect.wait()  # this test asks it, too
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
    """Let the server mark a silent run as dead sooner."""
    for found in stack.ask("automations/filter"):
        if found["name"].startswith("stemline: runs "):
            found["trigger"]["within"] = SILENCE
            kept = {name: found[name] for name in ("name", "description", "enabled", "tags", "trigger", "actions")}
            address = f"{stack.variables['PREFECT_API_URL']}/automations/{found['id']}"
            requests.put(address, json=kept, timeout=60).raise_for_status()


def _at_work(project: Project) -> bool:
    return any("prefect worker" not in command for command in project.processes())


def _kill_while_at_work(killer: Killer, kills: int, shortest: float, longest: float) -> None:
    """Make a kill after a while, if any work is going on and fewer than `kills` were made."""
    time.sleep(killer.random.uniform(shortest, longest))
    if killer.kills < kills and _at_work(killer.project):
        killer.kill_something()


def _retrain(killer: Killer, kills: int) -> int:
    """Retrain with a new seed after each end, until `kills` were made and two versions went live; return the last."""
    stack, seed, run_id = killer.stack, 100, ""
    while killer.kills < kills:
        if not run_id or stack.state(run_id)["type"] in ENDED:
            if not run_id or stack.state(run_id)["type"] == "COMPLETED":
                seed += 1
                set_values(killer.project, {"train.seed": seed})
            run_id = stack.start_run(RETRAIN, commit="HEAD", why=f"kills, seed {seed}")
        _kill_while_at_work(killer, kills, 0.5, 8.0)
    for server in (stack.mlflow, stack.prefect):
        server.wait()

    def settles() -> bool:
        """Start retrainings until one runs to its end; the slot of a killed one takes a while to become free."""
        state = wait_for_state(stack, stack.start_run(RETRAIN, commit="HEAD", why="at last"), 600.0)
        return bool(state["type"] == "COMPLETED")

    wait_until(settles, "a retraining that runs to its end", 600.0)
    if len(_journal()) == 1:  # there is no version before it
        seed += 1
        set_values(killer.project, {"train.seed": seed})
        wait_until(settles, "another one", 600.0)
    return seed


def _until_done(killer: Killer, kills: int, done: Callable[[], bool], *command: str) -> None:
    """Repeat a command of `stemline` and kill meanwhile, until `kills` were made and the command is done."""
    deadline = time.monotonic() + 1200
    while killer.kills < kills or not done():
        assert time.monotonic() < deadline, f"{command} is not done"
        process = killer.project.start("pipelines.terminal.cli", *command)
        while process.poll() is None:
            _kill_while_at_work(killer, kills, 0.3, 4.0)
        process.communicate()


def _journal() -> list[JournalEntry]:
    return Journal(open_store("s3://music/books")).entries_of(NAME)


def _stems(address: str) -> dict[str, str]:
    """Return the SHA-256 of every stem at an address."""
    store = open_store(address)
    return {
        key: sha256(store.read(key) or b"").hexdigest()
        for key in sorted(store.keys())
        if key.endswith((".wav", ".flac"))
    }


def _songs(stack: Stack, folder: Path) -> None:
    """Put the recordings of a catalogue into the store."""
    for number in range(8):
        stems = render_song(number, 20.0, 44100)
        soundfile.write(folder / f"{number}.flac", sum(stems.values()).T / len(stems), 44100)  # type: ignore[union-attr]
        stack.bucket.put(folder / f"{number}.flac", f"in/{number}.flac")


def test_thirty_kills_lose_nothing(
    project: Project, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.bucket.variables.items():
        monkeypatch.setenv(name, value)
    _songs(stack, tmp_path)
    set_values(
        project, dict.fromkeys(("gate.margin_db", "gate.stem_limit_db", "gate.slice_limit_db"), 99.0)
    )  # all pass
    project.stemline("deploy", POOL)
    _soon_dead(stack)
    killer = Killer(project, stack)
    seed = _retrain(killer, KILLS["retrainings"])
    separate = ("separate", "s3://music/in", "s3://music/out", "--pool", POOL, "--shards", "3")
    _until_done(killer, killer.kills + KILLS["catalogue"], lambda: len(_stems("s3://music/out")) == 16, *separate)
    assert "8 recordings = 0 done + 8 done before" in project.stemline("separate", "s3://music/in", "s3://music/out")
    before = _journal()
    first = before[0].version
    back = ("rollback", "--to", str(first), "--why", "kills")
    _until_done(killer, killer.kills + KILLS["rollback"], lambda: _journal()[-1].version == first, *back)
    print(f"\nkills: {dict(killer.made)}")
    for server in (stack.mlflow, stack.prefect):
        server.wait()
    assert f"version {first} of {NAME} is @champion" in project.run("components.promote.repair")
    after = _journal()
    assert after[: len(before)] == before, "no line of the journal was lost"
    assert [(entry.kind, entry.version) for entry in after[len(before) :]] == [("rollback", first)], "and none is twice"
    _look_at_trainings(project, stack, before, seed)
    project.stemline(
        "separate", "s3://music/in", "s3://music/undisturbed", "--model", f"models:/{NAME}/{before[-1].version}"
    )
    assert _stems("s3://music/undisturbed") == _stems("s3://music/out"), "and every stem is what it would have been"
    wait_until(lambda: not _at_work(project), "nothing is left running", 300.0)


def _look_at_trainings(project: Project, stack: Stack, entries: list[JournalEntry], seed: int) -> None:
    """Require one entry per promotion, a record of every version, and no repeated training."""
    assert entries, "something was promoted"
    assert len({entry.version for entry in entries}) == len(entries), "no promotion was written twice"
    client = stack.client()
    said = [str(run["state"]["message"]) for run in stack.flow_runs("retrain")]
    promoted = {int(text.split()[1]) for text in said if " is @champion now" in text}
    assert promoted <= {entry.version for entry in entries}, "no promotion was lost"
    experiment = client.get_experiment_by_name(NAME).experiment_id
    trained = Counter(
        run.data.params["train.seed"]
        for run in client.search_runs([experiment])
        if "train/loss" in run.data.metrics and run.info.status == "FINISHED"
    )
    assert set(trained.values()) == {1}, "no finished training was made again"
    assert str(seed) in trained
    recorded = _recorded(project)
    assert len(recorded) >= len(client.search_model_versions(f"name = '{NAME}'")), "what was registered was recorded"
    there = set(open_store("s3://music/dvc").keys())
    made = {out["md5"] for lock in recorded for stage in lock["stages"].values() for out in stage.get("outs", [])}
    assert {f"files/md5/{md5[:2]}/{md5[2:]}" for md5 in made} <= there, "and its data are on the remote"


def _recorded(project: Project) -> list[dict[str, Any]]:
    """Return the dvc.lock of every retraining that was saved as an experiment."""
    listed = project.git_says("for-each-ref", "--format=%(refname)", "refs/exps").split()
    return [yaml.safe_load(project.git_says("show", f"{ref}:dvc.lock")) for ref in listed if "/retrain-" in ref]


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
