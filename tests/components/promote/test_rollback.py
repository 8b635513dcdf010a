"""Rollback first tests the version in a new process, and requires its registered weights."""

from pathlib import Path

import mlflow
import pytest

from components.core.base.errors import UserError
from components.core.models.addresses import SHIPPED
from components.core.models.mlflow_model import log_model
from components.core.models.model_folder import load_model
from components.core.release.journal import open_journal
from components.core.tracking import mlflow_runs
from components.promote.config import PromoteConfig
from components.promote.journal_and_aliases import open_live_model
from components.promote.promotion import promote
from components.promote.rollback import roll_back
from tests.components.promote.registered import aliases, verdict
from tests.support.tiny_models import save_tiny_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, store: str) -> tuple[str, list[Path]]:
    """A registered model with three working versions, and the folders of their artifacts."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", store)
        client = mlflow_runs.connect()
        client.create_registered_model("real")
        places = []
        for seed in range(3):
            model = save_tiny_model(folder / str(seed) / "model", seed=seed)
            run = mlflow_runs.RunRef(run_id=client.create_run(mlflow_runs.experiment_id(client)).info.run_id)
            logged = log_model(client, run, model, load_model(model))
            tags = {"sha256": load_model(model).digest}
            client.create_model_version("real", logged.model_uri, run.run_id, tags=tags, model_id=logged.model_id)
            location = client.get_logged_model(logged.model_id).artifact_location
            places.append(Path(location.removeprefix("file://")))
    return "real", places


@pytest.mark.slow
def test_roll_back_tries_the_version_before_and_makes_it_live(
    client: mlflow.MlflowClient, models: tuple[str, list[Path]], config: PromoteConfig
) -> None:
    name, places = models
    weights = [client.get_model_version(name, number).tags["sha256"] for number in ("1", "2", "3")]
    promote(config, verdict(name, 1, weights=weights[0]))
    promote(config, verdict(name, 2, champion=1, weights=weights[1]))
    entry = roll_back(config, name, "it hissed")
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
            roll_back(config, name, "worse")
        assert aliases(client, name)["champion"] == "3"
    finally:
        stored.write_bytes(data)
    assert roll_back(config, name, "two was fine", to=2).version == 2
    assert "taken_back" not in client.get_model_version(name, "2").tags
    client.create_model_version(name, client.get_model_version(name, "1").source)
    assert roll_back(config, name, "nobody judged it", to=4, ungated=True).version == 4
    assert roll_back(config, name, "two was fine", to=2).version == 2
    swap(places[0], places[2])
    with pytest.raises(UserError, match=r"models:/real/1 holds weights that differ from the registered ones"):
        roll_back(config, name, "worse", to=1)
    assert aliases(client, name)["champion"] == "2"


@pytest.mark.slow
def test_roll_back_from_the_first_version_goes_to_the_shipped_model(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    entry = roll_back(config, name, "it hissed")
    assert (entry.kind, entry.version, entry.before) == ("rollback", 0, 1)
    assert entry.evidence["sha256"] == load_model(SHIPPED).digest
    assert aliases(client, name) == {"previous": "1"}
    assert open_live_model(config, name).settle() == 0
    with pytest.raises(UserError, match=r"version 1 of .* was taken back"):
        promote(config, verdict(name, 1))
    promote(config, verdict(name, 2))
    assert aliases(client, name)["champion"] == "2"
    assert roll_back(config, name, "two hissed, too", to=0).version == 0


@pytest.mark.slow
def test_roll_back_to_the_shipped_model_is_finished_after_a_kill(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    open_journal(config.journal).append("rollback", name, 0, "it hissed", {}, 1)  # killed before the alias was deleted
    assert open_live_model(config, name).settle() == 0
    assert aliases(client, name) == {"previous": "1"}


def swap(place: Path, other: Path) -> None:
    """Put another model's files in place of a model's, each with the right checksum."""
    for kind in ("weights.safetensors", "model.json"):
        [(to, source)] = [(next(place.rglob(kind)), next(other.rglob(kind)))]
        to.write_bytes(source.read_bytes())


def test_roll_back_refuses_impossible_targets(client: mlflow.MlflowClient, name: str, config: PromoteConfig) -> None:
    with pytest.raises(UserError, match="has no version before the live one"):
        roll_back(config, name, "why not")
    promote(config, verdict(name, 1))
    with pytest.raises(UserError, match="needs a reason"):
        roll_back(config, name, " ", to=2)
    with pytest.raises(UserError, match="is live already"):
        roll_back(config, name, "again", to=1)
    with pytest.raises(UserError, match=r"version 2 of .* was never live: .*--ungated"):
        roll_back(config, name, "the gate said no", to=2)


def test_roll_back_asks_for_a_version_after_an_adopted_alias(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    client.set_registered_model_alias(name, "champion", "1")  # older than the journal
    with pytest.raises(UserError, match="name one with --to VERSION"):
        roll_back(config, name, "why not")
