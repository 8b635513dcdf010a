"""The alias moves to a version that passed, and to no other."""

from dataclasses import asdict, replace
from pathlib import Path

import mlflow
import pytest
import yaml
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

from components.core import tracking
from components.core.errors import UserError
from components.core.files import write_json
from components.core.verdict import VERDICT_FILE, Verdict
from components.promote import __main__ as program
from components.promote.config import PromoteConfig
from components.promote.promote import champion_version, promote

pytestmark = pytest.mark.xdist_group("promote")

CONFIG = PromoteConfig(alias="champion")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def client(store: str, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    return tracking.connect()


@pytest.fixture
def name(client: mlflow.MlflowClient, request: pytest.FixtureRequest) -> str:
    """A registered model with two versions."""
    name = f"model of {request.node.name}"
    client.create_registered_model(name)
    for _ in range(2):
        client.create_model_version(name, "somewhere")
    return name


def verdict(name: str, version: int, passed: bool) -> Verdict:
    return Verdict(name, version, passed, "first champion", ("vocals: +9 dB",))


def test_a_version_that_passed_becomes_the_champion_once(client: mlflow.MlflowClient, name: str) -> None:
    assert champion_version(client, name, "champion") is None
    assert promote(CONFIG, verdict(name, 1, passed=True))
    assert champion_version(client, name, "champion") == 1
    first = client.get_model_version(name, "1").tags["promoted_at"]
    assert not promote(CONFIG, verdict(name, 1, passed=True))
    assert client.get_model_version(name, "1").tags["promoted_at"] == first
    assert promote(CONFIG, verdict(name, 2, passed=True))
    assert champion_version(client, name, "champion") == 2


def test_a_refused_version_leaves_the_champion_where_it_is(client: mlflow.MlflowClient, name: str) -> None:
    assert not promote(CONFIG, verdict(name, 1, passed=False))
    assert champion_version(client, name, "champion") is None
    promote(CONFIG, verdict(name, 1, passed=True))
    assert not promote(CONFIG, verdict(name, 2, passed=False))
    assert champion_version(client, name, "champion") == 1
    assert "promoted_at" not in client.get_model_version(name, "2").tags


def test_the_alias_is_the_one_of_the_parameters(client: mlflow.MlflowClient, name: str) -> None:
    assert promote(PromoteConfig(alias="live"), verdict(name, 1, passed=True))
    assert champion_version(client, name, "live") == 1
    assert champion_version(client, name, "champion") is None


def test_a_version_that_is_gone_is_a_users_error(client: mlflow.MlflowClient, name: str) -> None:
    with pytest.raises(UserError, match=r"version 9 of .* is not in the registry"):
        promote(CONFIG, verdict(name, 9, passed=True))


def test_the_command_says_what_it_did(
    tmp_path: Path,
    client: mlflow.MlflowClient,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["promote", "--gate", "gate"])
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"promote": {"alias": "champion"}}), encoding="utf-8")

    def said() -> str:
        program.main()
        return capsys.readouterr().out

    with pytest.raises(SystemExit, match="2"):
        program.main()
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "the gate has not judged a version yet" in error
    passed = verdict(name, 1, passed=True)
    write_json(tmp_path / "gate" / VERDICT_FILE, asdict(passed))
    assert said() == "promote: version 1 is now @champion\n"
    assert said() == "promote: version 1 is @champion already\n"
    write_json(tmp_path / "gate" / VERDICT_FILE, asdict(replace(passed, version=2, passed=False)))
    assert said() == "promote: version 2 was refused by the gate; @champion stays as it is\n"


def test_a_registry_that_fails_is_not_one_without_a_champion() -> None:
    class Down(mlflow.MlflowClient):  # type: ignore[misc]
        def get_model_version_by_alias(self, name: str, alias: str) -> None:
            raise MlflowException("the database is locked", error_code=TEMPORARILY_UNAVAILABLE)

    with pytest.raises(UserError, match=r"does not say who is @champion: .*locked"):
        champion_version(Down("sqlite://"), "vocal-isolation", "champion")
