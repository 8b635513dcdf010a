"""Back to a version: tried first in a fresh process, with the weights that were registered."""

from pathlib import Path

import mlflow
import pytest

from components.core.base.errors import UserError
from components.core.models.bundle import load_model
from components.core.models.mlflow_model import logged_model
from components.core.tracking import mlflow_runs
from components.promote.config import PromoteConfig
from components.promote.promotion import promote
from components.promote.rollback import rollback
from tests.components.promote.registered import aliases, verdict
from tests.support.tiny_models import save_tiny_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, store: str) -> tuple[str, list[Path]]:
    """A registered model of three versions that really separate, and where their artifacts lie."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", store)
        client = mlflow_runs.connect()
        client.create_registered_model("real")
        places = []
        for seed in range(3):
            model = save_tiny_model(folder / str(seed) / "model", seed=seed)
            run = mlflow_runs.RunRef(run_id=client.create_run(mlflow_runs.experiment_id(client)).info.run_id)
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
    client.create_model_version(name, client.get_model_version(name, "1").source)
    assert rollback(config, name, 4, "nobody judged it", ungated=True).version == 4
    assert rollback(config, name, 2, "two was fine").version == 2
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
    with pytest.raises(UserError, match=r"version 2 of .* was never live: .*--ungated"):
        rollback(config, name, 2, "the gate said no")
