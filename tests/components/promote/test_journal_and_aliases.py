"""The live model: promotions killed at any step, aliases moved by hand, other registries and journals."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST

from components.core.base.errors import UserError
from components.core.release.journal import open_journal
from components.core.tracking import mlflow_runs
from components.promote.config import PromoteConfig
from components.promote.journal_and_aliases import follow_journal, open_live_model
from components.promote.promotion import promote
from tests.components.promote.registered import aliases, verdict
from tests.support.databases import new_mlflow_store
from tests.support.tiny_models import environment

STEPS = ("set_registered_model_alias", "set_model_version_tag", "delete_model_version_tag", "set_registered_model_tag")


def settle(config: PromoteConfig, name: str) -> int:
    return open_live_model(config, name).settle()


def adopt_and_settle(config: PromoteConfig, name: str) -> int:
    model = open_live_model(config, name)
    model.adopt_registry()
    return model.settle()


class KilledError(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def kill_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Make the registry raise KilledError before its change number `step`."""
    remaining = [step]

    def dying(method: Callable[..., object]) -> Callable[..., object]:
        def changed(*arguments: object, **named: object) -> object:
            if remaining[0] == 0:
                raise KilledError
            remaining[0] -= 1
            return method(*arguments, **named)

        return changed

    for method in STEPS:
        patch.setattr(mlflow.MlflowClient, method, dying(getattr(mlflow.MlflowClient, method)))


def state(client: mlflow.MlflowClient, name: str) -> dict[str, object]:
    """Return everything that a promotion writes to the registry."""
    model = client.get_registered_model(name)
    versions = {number: client.get_model_version(name, number).tags for number in ("1", "2", "3")}
    return {"aliases": aliases(client, name), "entry": model.tags.get("journal.entry"), "versions": versions}


@pytest.mark.slow
def test_settle_finishes_a_promotion_killed_at_any_step(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    for step in range(20):
        live = settle(config, name)
        version = 3 - live  # 1 and 2 in turns
        with pytest.MonkeyPatch.context() as patch:
            kill_at(patch, step)
            try:
                promote(config, verdict(name, version, champion=live))
            except KilledError:
                pass
            else:
                break
        entries = open_journal(config.journal).entries()
        assert settle(config, name) == version
        assert (
            open_journal(config.journal).entries() == entries
        )  # the promotion is finished, and no adoption is written
        found = state(client, name)
        assert found["aliases"] == {"champion": str(version), "previous": str(live)}
        assert found["entry"] == f"{entries[-1].number} {entries[-1].digest}"
        tags = client.get_model_version(name, str(version)).tags
        assert tags == {"promoted_at": entries[-1].time, "journal.entry": str(entries[-1].number)}
        assert state(client, name) == found  # and nothing is left to do
    assert step == 7
    assert {entry.kind for entry in open_journal(config.journal).entries()} == {"promotion"}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["set_registered_model_alias", "set_model_version_tag", "set_registered_model_tag"])
def test_promotion_goes_on_when_another_process_sets_the_same_row_at_once(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """MLflow's database then refuses the second insert; this one comes just after the other process's."""
    real = getattr(mlflow.MlflowClient, method)
    collisions: list[tuple[str, ...]] = []

    def collide(itself: mlflow.MlflowClient, *values: str) -> None:
        real(itself, *values)
        if values[:3] not in collisions:
            collisions.append(values[:3])
            raise MlflowException("(sqlite3.IntegrityError) UNIQUE constraint failed", BAD_REQUEST)

    monkeypatch.setattr(mlflow.MlflowClient, method, collide)
    promote(config, verdict(name, 1))
    monkeypatch.undo()
    assert collisions
    entries = open_journal(config.journal).entries()
    found = state(client, name)
    assert (found["aliases"], found["entry"]) == ({"champion": "1"}, f"{entries[-1].number} {entries[-1].digest}")


KILLED = """
import os, signal, sys
import mlflow
from components.core.release.verdict import Verdict
from components.promote.config import PromoteConfig
from components.promote.promotion import promote
name, journal, method = sys.argv[1:]
def killed(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(mlflow.MlflowClient, method, killed)
verdict = Verdict(name=name, version=2, passed=True, rule="rule", reasons=(), champion=1)
promote(PromoteConfig(alias="champion", previous="previous", journal=journal), verdict)
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["set_registered_model_alias", "set_registered_model_tag"])
def test_settle_finishes_a_promotion_of_a_killed_process(
    client: mlflow.MlflowClient, store: str, name: str, config: PromoteConfig, method: str
) -> None:
    promote(config, verdict(name, 1))
    command = [sys.executable, "-c", KILLED, name, config.journal, method]
    ended = subprocess.run(command, env=environment(MLFLOW_TRACKING_URI=store), check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert settle(config, name) == 2
    assert aliases(client, name) == {"champion": "2", "previous": "1"}
    assert [entry.kind for entry in open_journal(config.journal).entries()] == ["promotion", "promotion"]


def test_follow_journal_does_not_undo_a_later_promotion(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    journal = open_journal(config.journal)
    slow = journal.append("promotion", name, 1, "why", {}, 0)  # and sleeps
    assert settle(config, name) == 1
    promote(config, verdict(name, 2, champion=1))
    after = state(client, name)
    follow_journal(client, config, journal, slow)
    found = state(client, name)
    assert found["aliases"] == after["aliases"] == {"champion": "2", "previous": "1"}
    assert found["entry"] == after["entry"]


def test_follow_journal_never_moves_the_alias_back(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(config.journal)
    slow = journal.append("promotion", name, 1, "why", {}, 0)
    settle(config, name)
    promote(config, verdict(name, 2, champion=1))
    moved = []
    move = mlflow.MlflowClient.set_registered_model_alias

    def seen(self: mlflow.MlflowClient, name: str, alias: str, version: str) -> None:
        moved.append((alias, version))
        move(self, name, alias, version)

    monkeypatch.setattr(mlflow.MlflowClient, "set_registered_model_alias", seen)
    follow_journal(client, config, journal, slow)
    assert ("champion", "1") not in moved


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_settle_does_not_adopt_a_promotion_under_way(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    """After this process read the alias, another one wrote an entry, moved the alias, or also set the tags."""
    read = mlflow.MlflowClient.get_model_version_by_alias

    def stale(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
        try:
            return read(*arguments, **named)
        finally:
            entry = open_journal(config.journal).append("promotion", name, 1, "why", {}, 0)
            if moves:
                client.set_registered_model_alias(name, "champion", "1")
            if moves > 1:
                client.set_registered_model_tag(name, "journal.entry", f"{entry.number} {entry.digest}")

    monkeypatch.setattr(mlflow.MlflowClient, "get_model_version_by_alias", stale)
    with pytest.raises(UserError, match="judge it again"):
        promote(config, verdict(name, 2))
    assert [entry.kind for entry in open_journal(config.journal).entries()] == ["promotion"]
    assert aliases(client, name) == {"champion": "1"}


@pytest.mark.slow
def test_settle_adopts_an_alias_moved_by_hand(client: mlflow.MlflowClient, name: str, config: PromoteConfig) -> None:
    promote(config, verdict(name, 1))
    client.set_registered_model_alias(name, "champion", "3")
    assert settle(config, name) == 3
    last = open_journal(config.journal).entries()[-1]
    assert (last.kind, last.version, last.before) == ("adoption", 3, 1)
    assert aliases(client, name) == {"champion": "3", "previous": "1"}
    assert settle(config, name) == 3
    assert len(open_journal(config.journal).entries()) == 2


@pytest.mark.slow
def test_settle_adopts_an_alias_moved_by_hand_after_a_killed_promotion(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    open_journal(config.journal).append("promotion", name, 2, "why", {}, 1)  # and was killed
    client.set_registered_model_alias(name, "champion", "3")
    assert settle(config, name) == 3
    assert open_journal(config.journal).entries()[-1].kind == "adoption"


def test_settle_sets_a_deleted_alias_again(client: mlflow.MlflowClient, name: str, config: PromoteConfig) -> None:
    promote(config, verdict(name, 1))
    client.delete_registered_model_alias(name, "champion")
    with pytest.raises(UserError, match="version 1 is live now"):
        promote(config, verdict(name, 2))  # judged without a champion
    assert aliases(client, name)["champion"] == "1"
    assert [entry.kind for entry in open_journal(config.journal).entries()] == ["promotion"]


def test_adopt_registry_accepts_a_deleted_alias(client: mlflow.MlflowClient, name: str, config: PromoteConfig) -> None:
    promote(config, verdict(name, 1))
    client.delete_registered_model_alias(name, "champion")
    open_live_model(config, name).adopt_registry()
    assert settle(config, name) == 0
    assert [(entry.kind, entry.version) for entry in open_journal(config.journal).entries()][1:] == [("adoption", 0)]
    promote(config, verdict(name, 2))
    assert aliases(client, name)["champion"] == "2"


def test_settle_refuses_a_registry_without_the_live_version(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    promote(config, verdict(name, 2, champion=1))
    client.delete_model_version(name, "2")
    with pytest.raises(UserError, match=r"has no such version: set MLFLOW_TRACKING_URI .*repair --adopt"):
        settle(config, name)
    assert len(open_journal(config.journal).entries()) == 2
    assert adopt_and_settle(config, name) == 0
    assert adopt_and_settle(config, name) == 0
    assert [entry.version for entry in open_journal(config.journal).entries()] == [1, 2, 0]
    promote(config, verdict(name, 3))
    assert aliases(client, name)["champion"] == "3"


def test_settle_refuses_a_version_with_other_weights(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    """A promotion was killed, the database was restored to an earlier time, and another version got the number."""
    promote(config, verdict(name, 1))
    open_journal(config.journal).append("promotion", name, 2, "why", {"sha256": "those of old"}, 1)
    client.set_model_version_tag(name, "2", "sha256", "others")
    with pytest.raises(UserError, match="has one with other weights"):
        settle(config, name)
    assert aliases(client, name)["champion"] == "1"
    assert adopt_and_settle(config, name) == 1
    assert settle(config, name) == 1


def test_settle_refuses_an_empty_journal_of_another_place(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, tmp_path: Path
) -> None:
    promote(config, verdict(name, 1))
    empty = config.model_copy(update={"journal": str(tmp_path / "another place")})
    with pytest.raises(
        UserError, match=r"has no entry about .* follows entry 1 of another journal: set promote.journal"
    ):
        promote(empty, verdict(name, 2, champion=1))
    assert promote(config, verdict(name, 2, champion=1)) is not None
    assert adopt_and_settle(empty, name) == 2
    assert promote(empty, verdict(name, 3, champion=2)) is not None


def test_adopt_continues_a_journal_with_an_empty_registry(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A team moves from the embedded store to a server."""
    promote(config, verdict(name, 1))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "another.db"))
    with pytest.raises(UserError, match=r"has no such version: .*`stemline repair --adopt`"):
        settle(config, name)
    assert adopt_and_settle(config, name) == 0
    assert settle(config, name) == 0
    another = mlflow_runs.connect()
    another.create_registered_model(name)
    another.create_model_version(name, "somewhere")
    assert settle(config, name) == 0
    assert promote(config, verdict(name, 1)) is not None
    assert [(entry.kind, entry.version) for entry in open_journal(config.journal).entries()] == [
        ("promotion", 1),
        ("adoption", 0),
        ("promotion", 1),
    ]


def test_adopt_begins_a_new_journal_when_nothing_is_live(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, tmp_path: Path
) -> None:
    promote(config, verdict(name, 1))
    client.delete_registered_model_alias(name, "champion")
    empty = config.model_copy(update={"journal": str(tmp_path / "another place")})
    with pytest.raises(UserError, match="follows entry 1 of another journal"):
        settle(empty, name)
    assert adopt_and_settle(empty, name) == 0
    assert settle(empty, name) == 0
    assert promote(empty, verdict(name, 2)) is not None


def test_adopt_continues_a_journal_that_lost_its_last_entry(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    promote(config, verdict(name, 2, champion=1))
    (Path(config.journal) / "journal" / "000002.json").unlink()
    client.set_registered_model_alias(name, "champion", "1")  # as its last entry says now
    with pytest.raises(UserError, match="follows entry 2 of the journal, which is missing"):
        settle(config, name)
    assert adopt_and_settle(config, name) == 1
    assert settle(config, name) == 1


def test_two_models_can_share_a_journal(client: mlflow.MlflowClient, name: str, config: PromoteConfig) -> None:
    other = f"{name}, the other"
    client.create_registered_model(other)
    client.create_model_version(other, "somewhere")
    promote(config, verdict(name, 2))
    promote(config, verdict(other, 1))
    promote(config, verdict(name, 3, champion=2))
    assert [(entry.name, entry.before) for entry in open_journal(config.journal).entries()] == [
        (name, 0),
        (other, 0),
        (name, 2),
    ]
    assert settle(config, name) == 3
    assert settle(config, other) == 1


@pytest.mark.parametrize("lost", [True, False])
def test_settle_refuses_a_changed_or_lost_last_entry(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, lost: bool
) -> None:
    promote(config, verdict(name, 1))
    promote(config, verdict(name, 2, champion=1))
    entry = Path(config.journal) / "journal" / "000002.json"
    text = entry.read_text()
    if lost:
        entry.unlink()
    else:
        entry.write_text(text.replace("first champion", "a good reason"))
    with pytest.raises(UserError, match="follows entry 2 of the journal, which is missing"):
        promote(config, verdict(name, 3, champion=2))
    entry.write_text(text)
    assert promote(config, verdict(name, 3, champion=2)) is not None


def test_settle_adopts_a_registry_older_than_the_journal(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    client.set_registered_model_alias(name, "champion", "2")
    promote(config, verdict(name, 3, champion=2))
    assert [(entry.kind, entry.version) for entry in open_journal(config.journal).entries()] == [
        ("adoption", 2),
        ("promotion", 3),
    ]
