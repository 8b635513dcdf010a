"""Promotion, rollback and the journal, on a real registry: killed anywhere, two at once, moved by hand."""

import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

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
from components.core.journal import Overtaken
from components.core.logged_model import logged_model
from components.core.verdict import VERDICT_FILE, Verdict
from components.promote import __main__ as program
from components.promote import history, live
from components.promote.config import PromoteConfig
from components.promote.live import open_journal, settled
from components.promote.promote import champion_version
from components.promote.promotion import promote
from components.promote.rollback import rollback

pytestmark = pytest.mark.xdist_group("promote")


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


def verdict(name: str, version: int, champion: int = 0, passed: bool = True) -> Verdict:
    return Verdict(name, version, passed, "first champion", ("vocals: +9 dB",), champion, "tracks", "weights")


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
    assert [entry.version for entry in open_journal(config).entries()] == [1, 2]


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


def test_a_promotion_killed_before_the_alias_moved_is_finished_by_the_next(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(config, verdict(name, 1))

    class KilledError(BaseException):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    monkeypatch.setattr(live, "point", killed)
    with pytest.raises(KilledError):
        promote(config, verdict(name, 2, champion=1))
    monkeypatch.undo()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.tracking_uri())
    tracking.connect()
    assert aliases(client, name)["champion"] == "1"
    assert settled(client, config, name, open_journal(config)) == 2
    assert aliases(client, name) == {"champion": "2", "previous": "1"}
    assert [entry.kind for entry in open_journal(config).entries()] == ["promotion", "promotion"]


def test_an_alias_that_was_moved_by_hand_is_written_down(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    client.set_registered_model_alias(name, "champion", "3")
    assert settled(client, config, name, open_journal(config)) == 3
    last = open_journal(config).entries()[-1]
    assert (last.kind, last.version, last.before) == ("adoption", 3, 1)
    assert aliases(client, name)["champion"] == "3"


def test_a_registry_from_before_the_journal_is_taken_over(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    client.set_registered_model_alias(name, "champion", "2")
    promote(config, verdict(name, 3, champion=2))
    assert [(entry.kind, entry.version) for entry in open_journal(config).entries()] == [
        ("adoption", 2),
        ("promotion", 3),
    ]


TWO_AT_ONCE = """
import sys
from components.core.journal import Overtaken
from components.core.errors import UserError
from components.core.verdict import Verdict
from components.promote.config import PromoteConfig
from components.promote.promotion import promote
name, version, journal = sys.argv[1], int(sys.argv[2]), sys.argv[3]
sys.stdin.readline()
try:
    promote(PromoteConfig(alias="champion", journal=journal), Verdict(name, version, True, "rule", (), 0))
except UserError as error:
    sys.exit(3)
"""


@pytest.mark.slow
def test_of_two_processes_at_once_one_wins_and_the_other_is_told(
    client: mlflow.MlflowClient, store: str, tmp_path: Path
) -> None:
    for number in range(4):
        name, journal = f"race {number}", str(tmp_path / f"journal {number}")
        client.create_registered_model(name)
        for _ in range(2):
            client.create_model_version(name, "somewhere")
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", TWO_AT_ONCE, name, str(version), journal],
                env=environment(MLFLOW_TRACKING_URI=store), stdin=subprocess.PIPE, text=True,
            )
            for version in (1, 2)
        ]  # fmt: skip
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        codes = [process.wait(timeout=120) for process in processes]
        assert sorted(codes) == [0, 3]
        entries = open_journal(PromoteConfig(alias="champion", journal=journal)).entries()
        assert [entry.version for entry in entries] == [codes.index(0) + 1]
        assert aliases(client, name) == {"champion": str(codes.index(0) + 1)}


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
            client.create_model_version("real", logged.model_uri, run.run_id, model_id=logged.model_id)
            location = client.get_logged_model(logged.model_id).artifact_location
            places.append(Path(location.removeprefix("file://")))
    return "real", places


@pytest.mark.slow
def test_rollback_goes_back_to_what_was_live_before_and_tries_it_first(
    client: mlflow.MlflowClient, models: tuple[str, list[Path]], config: PromoteConfig
) -> None:
    name, places = models
    promote(config, verdict(name, 1))
    promote(config, verdict(name, 2, champion=1))
    entry = rollback(config, name, None, "it hissed")
    assert (entry.version, entry.before, entry.why) == (1, 2, "it hissed")
    assert entry.evidence["smoke"]["largest_error"] < 1e-5
    assert aliases(client, name) == {"champion": "1", "previous": "2"}
    with pytest.raises(UserError, match=r"version 2 of real was taken back .*it hissed"):
        promote(config, verdict(name, 2, champion=1))
    promote(config, verdict(name, 3, champion=1))
    [weights] = places[0].rglob("weights.safetensors")
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    try:
        with pytest.raises(UserError, match=r"models:/real/1 does not work in a fresh process: .*checksum"):
            rollback(config, name, None, "worse")
        assert aliases(client, name)["champion"] == "3"
    finally:
        weights.write_bytes(data)
    assert rollback(config, name, 2, "two was fine").version == 2


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
    journal = open_journal(config)
    journal.append("promotion", "m", 1, "why", {}, 0)
    with pytest.raises(Overtaken):
        journal.append("promotion", "m", 2, "why", {}, 0)
