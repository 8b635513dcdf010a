"""The shipped model is in use until a version is live; a lost alias is no reason to take it."""

from pathlib import Path

import mlflow
import pytest

from components.core.base.errors import UserError
from components.core.models.addresses import SHIPPED
from components.core.release.journal import Journal, open_journal
from components.core.release.model_in_use import describe_model_in_use, find_model_in_use
from components.core.release.registry_sections import PromoteConfig
from tests.support.databases import new_mlflow_store

ADDRESS = "models:/voices@champion"
SHIPPED_FOLDER = str(SHIPPED.resolve())


@pytest.fixture
def promote(tmp_path: Path) -> PromoteConfig:
    return PromoteConfig(alias="champion", previous="previous", journal=str(tmp_path / "books"))


@pytest.fixture
def journal(promote: PromoteConfig) -> Journal:
    return open_journal(promote.journal)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """A registry with one version, which no alias points to."""
    store = new_mlflow_store(tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    client = mlflow.MlflowClient(store, store)
    client.create_registered_model("voices")
    client.create_model_version("voices", "somewhere")
    return client


def test_shipped_model_is_in_use_before_a_promotion(client: mlflow.MlflowClient, promote: PromoteConfig) -> None:
    assert find_model_in_use(ADDRESS, promote) == SHIPPED_FOLDER
    assert describe_model_in_use(ADDRESS, promote) == f"`stemline separate` takes the shipped model, {SHIPPED_FOLDER}"
    assert not Path(promote.journal).exists()


def test_champion_is_in_use_once_there_is_one(client: mlflow.MlflowClient, promote: PromoteConfig) -> None:
    client.set_registered_model_alias("voices", "champion", "1")
    assert find_model_in_use(ADDRESS, promote) == ADDRESS
    assert describe_model_in_use(ADDRESS, promote) == f"`stemline separate` takes {ADDRESS}"


@pytest.mark.slow
@pytest.mark.usefixtures("client")
def test_lost_alias_is_refused_with_the_live_version_and_the_remedies(promote: PromoteConfig, journal: Journal) -> None:
    journal.append("promotion", "drums", 7, "better", {}, 0)
    journal.append("promotion", "voices", 1, "better", {}, 0)
    with pytest.raises(UserError) as error:
        find_model_in_use(ADDRESS, promote)
    text = str(error.value)
    assert text.startswith(f"{ADDRESS} is not in the registry at sqlite")
    assert "version 1 is live in the journal" in text
    assert "`stemline repair --name voices`" in text
    assert "\n" not in text
    assert describe_model_in_use(ADDRESS, promote) == f"`stemline separate` refuses: {text}"


def test_alias_that_a_promotion_sets_meanwhile_is_in_use(
    client: mlflow.MlflowClient, promote: PromoteConfig, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append("promotion", "voices", 1, "better", {}, 0)
    monkeypatch.setattr("time.sleep", lambda _: client.set_registered_model_alias("voices", "champion", "1"))
    assert find_model_in_use(ADDRESS, promote) == ADDRESS


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("address", ["models:/voices/7", "models:/voices@previous"])
def test_only_the_live_alias_has_a_substitute(promote: PromoteConfig, address: str) -> None:
    assert find_model_in_use(address, promote) == address


@pytest.mark.usefixtures("client")
def test_shipped_model_is_in_use_after_a_rollback_to_it(promote: PromoteConfig, journal: Journal) -> None:
    journal.append("promotion", "voices", 1, "better", {}, 0)
    journal.append("rollback", "voices", 0, "it hissed", {}, 1)
    assert find_model_in_use(ADDRESS, promote) == SHIPPED_FOLDER


def test_folder_is_in_use_as_it_is(promote: PromoteConfig) -> None:
    assert find_model_in_use("somewhere/model", promote) == "somewhere/model"
