"""Promotion, rollback and the journal, on a real registry: killed anywhere, two at once, moved by hand."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from core.tiny import environment, save_tiny_model
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

from components.core import tracking
from components.core.bundle import load_model
from components.core.errors import UserError
from components.core.files import write_json
from components.core.journal import Overtaken, open_journal
from components.core.logged_model import logged_model
from components.core.verdict import VERDICT_FILE, Verdict
from components.promote import __main__ as program
from components.promote import history
from components.promote import repair as repairing
from components.promote.config import PromoteConfig
from components.promote.live import point, settled
from components.promote.promote import champion_version
from components.promote.promotion import promote
from components.promote.repair import repair
from components.promote.rollback import rollback


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def client(store: str, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    return tracking.connect()


@pytest.fixture
def config(tmp_path: Path) -> PromoteConfig:
    return PromoteConfig(alias="champion", journal=str(tmp_path / "promote"))


@pytest.fixture
def name(client: mlflow.MlflowClient, request: pytest.FixtureRequest) -> str:
    """A registered model with three versions."""
    name = f"model of {request.node.name}"
    client.create_registered_model(name)
    for _ in range(3):
        client.create_model_version(name, "somewhere")
    return name


def verdict(name: str, version: int, champion: int = 0, passed: bool = True, weights: str = "") -> Verdict:
    return Verdict(name, version, passed, "first champion", ("vocals: +9 dB",), champion, "tracks", weights)


def aliases(client: mlflow.MlflowClient, name: str) -> dict[str, str]:
    found = client.get_registered_model(name).aliases
    return {alias: str(version) for alias, version in found.items()}


def test_a_version_that_passed_becomes_the_champion_once(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    assert champion_version(client, name, "champion") is None
    entry = promote(config, verdict(name, 1))
    assert entry is not None
    assert entry.why == "first champion: vocals: +9 dB"
    assert entry.evidence["test"] == "tracks"
    first = client.get_model_version(name, "1").tags["promoted_at"]
    assert promote(config, verdict(name, 1)) is None
    assert client.get_model_version(name, "1").tags["promoted_at"] == first
    promote(config, verdict(name, 2, champion=1))
    assert aliases(client, name) == {"champion": "2", "previous": "1"}
    assert [entry.version for entry in open_journal(config.journal).entries()] == [1, 2]


def test_a_refused_version_leaves_the_champion_where_it_is(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    assert promote(config, verdict(name, 1, passed=False)) is None
    assert champion_version(client, name, "champion") is None
    promote(config, verdict(name, 1))
    assert promote(config, verdict(name, 2, champion=1, passed=False)) is None
    assert aliases(client, name) == {"champion": "1"}


def test_a_verdict_about_another_champion_blesses_nothing(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    promote(config, verdict(name, 2, champion=1))
    with pytest.raises(UserError, match="was judged against version 1, and version 2 is live now"):
        promote(config, verdict(name, 3, champion=1))
    assert aliases(client, name)["champion"] == "2"


def test_a_version_that_is_gone_is_a_users_error(client: mlflow.MlflowClient, name: str, config: PromoteConfig) -> None:
    with pytest.raises(UserError, match=r"version 9 of .* is not in the registry"):
        promote(config, verdict(name, 9))
    assert open_journal(config.journal).entries() == []


STEPS = ("set_registered_model_alias", "set_model_version_tag", "delete_model_version_tag", "set_registered_model_tag")


class KilledError(BaseException):
    """In place of SIGKILL: nothing catches it."""


def killed_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Have the registry end this process before it changes anything for the `step`th time."""
    left = [step]

    def dying(method: Callable[..., object]) -> Callable[..., object]:
        def changed(*arguments: object, **named: object) -> object:
            if left[0] == 0:
                raise KilledError
            left[0] -= 1
            return method(*arguments, **named)

        return changed

    for method in STEPS:
        patch.setattr(mlflow.MlflowClient, method, dying(getattr(mlflow.MlflowClient, method)))


def state(client: mlflow.MlflowClient, name: str) -> dict[str, object]:
    """Return all that a promotion leaves in the registry."""
    model = client.get_registered_model(name)
    versions = {number: client.get_model_version(name, number).tags for number in ("1", "2", "3")}
    return {"aliases": aliases(client, name), "entry": model.tags.get("journal.entry"), "versions": versions}


def test_a_promotion_killed_at_any_step_is_finished_by_the_next(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    for step in range(20):
        live = settled(client, config, name, open_journal(config.journal))
        version = 3 - live  # 1 and 2 in turns
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, step)
            try:
                promote(config, verdict(name, version, champion=live))
            except KilledError:
                pass
            else:
                break
        entries = open_journal(config.journal).entries()
        assert settled(client, config, name, open_journal(config.journal)) == version
        assert open_journal(config.journal).entries() == entries  # finished, not written down as somebody else's doing
        found = state(client, name)
        assert found["aliases"] == {"champion": str(version), "previous": str(live)}
        assert found["entry"] == f"{entries[-1].number} {entries[-1].digest}"
        tags = client.get_model_version(name, str(version)).tags
        assert tags == {"promoted_at": entries[-1].time, "journal.entry": str(entries[-1].number)}
        assert state(client, name) == found  # and nothing is left to do
    assert step == 6
    assert {entry.kind for entry in open_journal(config.journal).entries()} == {"promotion"}


KILLED = """
import os, signal, sys
import mlflow
from components.core.verdict import Verdict
from components.promote.config import PromoteConfig
from components.promote.promotion import promote
name, journal, method = sys.argv[1:]
def killed(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(mlflow.MlflowClient, method, killed)
promote(PromoteConfig(alias="champion", journal=journal), Verdict(name, 2, True, "rule", (), 1))
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["set_registered_model_alias", "set_registered_model_tag"])
def test_a_process_that_is_really_killed(
    client: mlflow.MlflowClient, store: str, name: str, config: PromoteConfig, method: str
) -> None:
    promote(config, verdict(name, 1))
    command = [sys.executable, "-c", KILLED, name, config.journal, method]
    ended = subprocess.run(command, env=environment(MLFLOW_TRACKING_URI=store), check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert repair(config, name) == 2
    assert aliases(client, name) == {"champion": "2", "previous": "1"}
    assert [entry.kind for entry in open_journal(config.journal).entries()] == ["promotion", "promotion"]


def test_one_that_was_slow_does_not_undo_what_came_after(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    journal = open_journal(config.journal)
    slow = journal.append("promotion", name, 1, "why", {}, 0)  # and sleeps
    assert settled(client, config, name, journal) == 1
    promote(config, verdict(name, 2, champion=1))
    after = state(client, name)
    point(client, config, journal, slow)
    found = state(client, name)
    assert found["aliases"] == after["aliases"] == {"champion": "2", "previous": "1"}
    assert found["entry"] == after["entry"]


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_what_another_promotes_meanwhile_is_not_taken_for_moved_by_hand(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    """The other is ahead of this one's look at the alias by an entry, by an alias as well, or by the tags too."""
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


def test_an_alias_that_was_moved_by_hand_is_written_down(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    client.set_registered_model_alias(name, "champion", "3")
    assert settled(client, config, name, open_journal(config.journal)) == 3
    last = open_journal(config.journal).entries()[-1]
    assert (last.kind, last.version, last.before) == ("adoption", 3, 1)
    assert aliases(client, name) == {"champion": "3", "previous": "1"}
    assert settled(client, config, name, open_journal(config.journal)) == 3
    assert len(open_journal(config.journal).entries()) == 2


def test_an_alias_moved_by_hand_while_a_promotion_was_dead_is_nobodys_to_undo(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    open_journal(config.journal).append("promotion", name, 2, "why", {}, 1)  # and was killed
    client.set_registered_model_alias(name, "champion", "3")
    assert settled(client, config, name, open_journal(config.journal)) == 3
    assert open_journal(config.journal).entries()[-1].kind == "adoption"


def test_an_alias_that_was_taken_away_leaves_nobody_live(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    client.delete_registered_model_alias(name, "champion")
    for _ in range(2):
        assert settled(client, config, name, open_journal(config.journal)) == 0
    assert [(entry.kind, entry.version) for entry in open_journal(config.journal).entries()][1:] == [("adoption", 0)]
    promote(config, verdict(name, 2))
    assert aliases(client, name)["champion"] == "2"


def test_a_registry_that_lacks_the_live_version_is_not_written_down(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    promote(config, verdict(name, 2, champion=1))
    client.delete_model_version(name, "2")
    with pytest.raises(UserError, match=r"has no such version: set MLFLOW_TRACKING_URI .*repair --adopt"):
        settled(client, config, name, open_journal(config.journal))
    assert len(open_journal(config.journal).entries()) == 2
    assert repair(config, name, adopts=True) == 0
    assert repair(config, name, adopts=True) == 0
    assert [entry.version for entry in open_journal(config.journal).entries()] == [1, 2, 0]
    promote(config, verdict(name, 3))
    assert aliases(client, name)["champion"] == "3"


def test_a_version_of_the_same_number_with_other_weights_is_not_made_live(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    """A promotion was killed, the database was restored to before it, and the number was given again."""
    promote(config, verdict(name, 1))
    open_journal(config.journal).append("promotion", name, 2, "why", {"sha256": "those of old"}, 1)
    client.set_model_version_tag(name, "2", "sha256", "others")
    with pytest.raises(UserError, match="has one with other weights"):
        settled(client, config, name, open_journal(config.journal))
    assert aliases(client, name)["champion"] == "1"
    assert repair(config, name, adopts=True) == 1
    assert settled(client, config, name, open_journal(config.journal)) == 1


def test_another_places_empty_journal_is_not_begun_anew(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, tmp_path: Path
) -> None:
    promote(config, verdict(name, 1))
    empty = config.model_copy(update={"journal": str(tmp_path / "another place")})
    with pytest.raises(UserError, match=r"has no entry about .* remembers entry 1 of one: set promote.journal"):
        promote(empty, verdict(name, 2, champion=1))
    assert promote(config, verdict(name, 2, champion=1)) is not None
    assert repair(empty, name, adopts=True) == 2
    assert promote(empty, verdict(name, 3, champion=2)) is not None


def test_a_journal_goes_on_with_a_registry_that_is_empty(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a team moves from the embedded store to a server."""
    promote(config, verdict(name, 1))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'another.db'}")
    with pytest.raises(UserError, match=r"has no such version: .*`stemline repair --adopt`"):
        repair(config, name)
    assert repair(config, name, adopts=True) == 0
    assert repair(config, name) == 0
    another = tracking.connect()
    another.create_registered_model(name)
    another.create_model_version(name, "somewhere")
    assert repair(config, name) == 0
    assert promote(config, verdict(name, 1)) is not None
    assert [(entry.kind, entry.version) for entry in open_journal(config.journal).entries()] == [
        ("promotion", 1),
        ("adoption", 0),
        ("promotion", 1),
    ]


def test_a_lost_journal_is_begun_anew_when_nothing_is_live(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, tmp_path: Path
) -> None:
    promote(config, verdict(name, 1))
    client.delete_registered_model_alias(name, "champion")
    empty = config.model_copy(update={"journal": str(tmp_path / "another place")})
    with pytest.raises(UserError, match="remembers entry 1 of one"):
        repair(empty, name)
    assert repair(empty, name, adopts=True) == 0
    assert repair(empty, name) == 0
    assert promote(empty, verdict(name, 2)) is not None


def test_a_journal_that_lost_its_end_goes_on_when_it_is_told_to(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    promote(config, verdict(name, 2, champion=1))
    (Path(config.journal) / "journal" / "000002.json").unlink()
    client.set_registered_model_alias(name, "champion", "1")  # as its last entry says now
    with pytest.raises(UserError, match=r"entry 2 of the journal at .* is missing"):
        repair(config, name)
    assert repair(config, name, adopts=True) == 1
    assert repair(config, name) == 1


def test_two_models_share_a_journal(client: mlflow.MlflowClient, name: str, config: PromoteConfig) -> None:
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
    assert repair(config, name) == 3
    assert repair(config, other) == 1


@pytest.mark.parametrize("lost", [True, False])
def test_a_last_entry_that_was_changed_or_lost_shows(
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
    with pytest.raises(UserError, match=r"entry 2 of the journal at .* is missing, or is not the one"):
        promote(config, verdict(name, 3, champion=2))
    entry.write_text(text)
    assert promote(config, verdict(name, 3, champion=2)) is not None


def test_a_registry_from_before_the_journal_is_taken_over(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    client.set_registered_model_alias(name, "champion", "2")
    promote(config, verdict(name, 3, champion=2))
    assert [(entry.kind, entry.version) for entry in open_journal(config.journal).entries()] == [
        ("adoption", 2),
        ("promotion", 3),
    ]


TWO_AT_ONCE = """
import sys
from components.core.errors import UserError
from components.core.verdict import Verdict
from components.promote.config import PromoteConfig
from components.promote.promotion import promote
version, journals = int(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
for line in sys.stdin:
    config = PromoteConfig(alias="champion", journal=f"{journals}/{line.strip()}")
    try:
        promote(config, Verdict(line.strip(), version, True, "rule", (), 0))
        print("won", flush=True)
    except UserError as error:
        print(error, flush=True)
"""


@pytest.mark.slow
def test_of_two_processes_at_once_one_wins_and_the_other_is_told(
    client: mlflow.MlflowClient, store: str, tmp_path: Path
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_AT_ONCE, str(version), str(tmp_path)],
            env=environment(MLFLOW_TRACKING_URI=store), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for version in (1, 2)
    ]  # fmt: skip
    said = [said_by(process) for process in processes]
    assert said == ["ready", "ready"]
    for number in range(20):
        name = f"race {number}"
        client.create_registered_model(name)
        for _ in processes:
            client.create_model_version(name, "somewhere")
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{name}\n")
            process.stdin.flush()
        said = [said_by(process) for process in processes]
        assert said.count("won") == 1, said
        [told] = [text for text in said if text != "won"]
        assert "judge again" in told or "judge it again" in told
        [entry] = open_journal(str(tmp_path / name)).entries()
        assert entry.version == said.index("won") + 1
        assert aliases(client, name) == {"champion": str(entry.version)}
    for process in processes:
        process.communicate(timeout=60)


def said_by(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, store: str) -> tuple[str, list[Path]]:
    """A registered model of three versions that really separate, and where their artifacts lie."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", store)
        client = tracking.connect()
        client.create_registered_model("real")
        places = []
        for seed in range(3):
            model = save_tiny_model(folder / str(seed) / "model", seed=seed)
            run = tracking.RunRef(client.create_run(tracking.experiment_id(client)).info.run_id, tracking.EXPERIMENT)
            logged = logged_model(client, run, model, load_model(model))
            tags = {"sha256": load_model(model).digest}
            client.create_model_version("real", logged.model_uri, run.run_id, tags=tags, model_id=logged.model_id)
            location = client.get_logged_model(logged.model_id).artifact_location
            places.append(Path(location.removeprefix("file://")))
    return "real", places


@pytest.mark.slow
def test_rollback_goes_back_to_what_was_live_before_and_tries_it_first(
    client: mlflow.MlflowClient, models: tuple[str, list[Path]], config: PromoteConfig
) -> None:
    name, places = models
    weights = [client.get_model_version(name, number).tags["sha256"] for number in ("1", "2", "3")]
    promote(config, verdict(name, 1, weights=weights[0]))
    promote(config, verdict(name, 2, champion=1, weights=weights[1]))
    entry = rollback(config, name, None, "it hissed")
    assert (entry.version, entry.before, entry.why) == (1, 2, "it hissed")
    assert entry.evidence["smoke"]["largest_error"] < 1e-5
    assert entry.evidence["sha256"] == weights[0]
    assert aliases(client, name) == {"champion": "1", "previous": "2"}
    assert client.get_model_version(name, "2").tags["taken_back"] == f"{entry.time}: it hissed"
    with pytest.raises(UserError, match=r"version 2 of real was taken back .*it hissed"):
        promote(config, verdict(name, 2, champion=1, weights=weights[1]))
    promote(config, verdict(name, 3, champion=1, weights=weights[2]))
    [stored] = places[0].rglob("weights.safetensors")
    data = stored.read_bytes()
    stored.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    try:
        with pytest.raises(UserError, match=r"models:/real/1 does not work in a fresh process: .*checksum"):
            rollback(config, name, None, "worse")
        assert aliases(client, name)["champion"] == "3"
    finally:
        stored.write_bytes(data)
    assert rollback(config, name, 2, "two was fine").version == 2
    assert "taken_back" not in client.get_model_version(name, "2").tags
    swap(places[0], places[2])
    with pytest.raises(UserError, match=r"models:/real/1 holds other weights than were registered"):
        rollback(config, name, 1, "worse")
    assert aliases(client, name)["champion"] == "2"


def swap(place: Path, other: Path) -> None:
    """Put another model's files in place of a model's, each with the right checksum."""
    for kind in ("weights.safetensors", "model.json"):
        [(to, source)] = [(next(place.rglob(kind)), next(other.rglob(kind)))]
        to.write_bytes(source.read_bytes())


def test_what_cannot_be_taken_back_is_one_line(client: mlflow.MlflowClient, name: str, config: PromoteConfig) -> None:
    with pytest.raises(UserError, match="has no version before the live one"):
        rollback(config, name, None, "why not")
    promote(config, verdict(name, 1))
    with pytest.raises(UserError, match="has no version before the live one"):
        rollback(config, name, None, "why not")
    with pytest.raises(UserError, match="say why"):
        rollback(config, name, 2, " ")
    with pytest.raises(UserError, match="is the live one already"):
        rollback(config, name, 1, "again")


def test_the_commands_say_what_they_did(
    tmp_path: Path,
    client: mlflow.MlflowClient,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["promote", "--gate", "gate"])
    section = {"promote": {"alias": "champion", "journal": str(tmp_path / "promote")}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(section), encoding="utf-8")

    def said() -> str:
        program.main()
        return capsys.readouterr().out

    with pytest.raises(SystemExit, match="2"):
        program.main()
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "the gate has not judged a version yet" in error
    passed = verdict(name, 1)
    write_json(tmp_path / "gate" / VERDICT_FILE, asdict(passed))
    assert said() == "promote: version 1 is now @champion (entry 1 of the journal)\n"
    assert said() == "promote: version 1 is @champion already\n"
    write_json(tmp_path / "gate" / VERDICT_FILE, asdict(replace(passed, version=2, passed=False)))
    assert said() == "promote: version 2 was refused by the gate; @champion stays as it is\n"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(section | {"register": {"name": name}}), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["repair"])
    repairing.main()
    assert f"repair: version 1 of {name} is @champion; the journal's 1 entries at" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["history", "--json"])
    history.main()
    assert f'"name": "{name}"' in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["history", "--at", "2001-01-01"])
    history.main()
    assert capsys.readouterr().out == "history: nothing was live at 2001-01-01\n"


def test_a_registry_that_fails_is_not_one_without_a_champion() -> None:
    class Down(mlflow.MlflowClient):  # type: ignore[misc]
        def get_model_version_by_alias(self, name: str, alias: str) -> None:
            raise MlflowException("the database is locked", error_code=TEMPORARILY_UNAVAILABLE)

    with pytest.raises(UserError, match=r"does not say who is @champion: .*locked"):
        champion_version(Down("sqlite://"), "vocal-isolation", "champion")


def test_two_that_expect_the_same_are_told_by_the_journal(config: PromoteConfig) -> None:
    journal = open_journal(config.journal)
    journal.append("promotion", "m", 1, "why", {}, 0)
    with pytest.raises(Overtaken):
        journal.append("promotion", "m", 2, "why", {}, 0)
