"""Models that were not trained here: their names, refused ones, and their MLflow run."""

from pathlib import Path

import pytest

from components.compare.systems.pretrained_models import find_or_create_run, find_pretrained
from components.compare.systems.row_names import parse_places
from components.core.base.errors import UserError
from components.core.models.mlflow_model import log_model
from components.core.models.model_folder import load_model
from components.core.tracking.mlflow_runs import connect
from tests.support.databases import new_mlflow_store
from tests.support.tiny_models import save_tiny_model

FOUR = ("drums", "bass", "other", "vocals")


def test_model_has_name_stems_and_origin(tmp_path: Path) -> None:
    places = {
        "two": str(save_tiny_model(tmp_path / "two")),
        "four": str(save_tiny_model(tmp_path / "four", FOUR)),
    }
    two, four = find_pretrained(places, 44100, 2)
    assert (two.name, two.title, two.targets) == ("two", "two, pretrained", ("vocals", "accompaniment"))
    (model,) = find_pretrained({"one": str(save_tiny_model(tmp_path / "one", ("vocals",)))}, 44100, 2)
    assert model.targets == ("vocals", "accompaniment")  # the remainder of the mixture
    assert (four.title, four.targets) == ("four, 4 stems, pretrained", FOUR)
    digest = load_model(tmp_path / "four").digest[:12]
    assert four.origin == f"U-Net of drums, bass, other, vocals, of MLflow run 0123456789abcdef; weights {digest}"


@pytest.mark.parametrize(
    ("name", "made", "message"),
    [
        ("x", {}, "--models x: .* is not a model: model.json is missing"),
        (
            "x",
            {"rate": 16000},
            "--models x: it works on 16000 Hz in 2 channels, and this comparison uses 44100 Hz",
        ),
        ("x", {"channels": 1}, "--models x: it works on 44100 Hz in 1 channel, and"),
    ],
)
def test_incomparable_model_is_a_user_error(tmp_path: Path, name: str, made: dict[str, int], message: str) -> None:
    folder = save_tiny_model(tmp_path / "model", **made) if made else tmp_path  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message) as raised:
        find_pretrained({name: str(folder)}, 44100, 2)
    assert "\n" not in str(raised.value)


def test_each_folder_needs_a_name_of_its_own() -> None:
    assert parse_places("--models", ["a=b=c", "d=models:/x@y"]) == {"a": "b=c", "d": "models:/x@y"}
    for wrong in (["a"], ["=b"], ["a="]):
        with pytest.raises(UserError, match=f"--models {wrong[0]}: write NAME=FOLDER"):
            parse_places("--models", wrong)
    for name in ("../x=y", "unet+mwf=y"):  # not a valid name of a folder; the name of one of our rows
        with pytest.raises(UserError, match="a name has letters, digits"):
            parse_places("--scores", [name])
    with pytest.raises(UserError, match="the name a is given twice"):
        parse_places("--models", ["a=b", "a=c"])


@pytest.mark.slow
def test_model_can_come_from_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow.db"))
    monkeypatch.setattr("components.compare.systems.pretrained_models.SCRATCH", tmp_path / "scratch")
    client, folder = connect(), save_tiny_model(tmp_path / "model")
    with pytest.raises(UserError, match="models:/voices@champion is not in the registry"):
        find_pretrained({"live": "models:/voices@champion"}, 44100, 2)
    run = find_or_create_run(client, "any", load_model(folder))
    client.create_registered_model("voices")
    uri = log_model(client, run, folder, load_model(folder)).model_uri
    version = client.create_model_version("voices", uri, run.run_id).version
    client.set_registered_model_alias("voices", "champion", version)
    [live] = find_pretrained({"live": "models:/voices@champion"}, 44100, 2)
    assert load_model(live.folder).digest == load_model(folder).digest
    assert live.folder.is_relative_to(tmp_path / "scratch")


@pytest.mark.slow
def test_same_weights_under_the_same_name_share_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow.db"))
    client = connect()
    model, other = (load_model(save_tiny_model(tmp_path / str(seed), seed=seed)) for seed in (1, 2))
    run = find_or_create_run(client, "x", model)
    assert find_or_create_run(client, "x", model) == run
    assert len({run.run_id, *(find_or_create_run(client, *pair).run_id for pair in (("y", model), ("x", other)))}) == 3
    logged = client.get_run(run.run_id)
    assert (logged.data.tags["stage"], logged.data.tags["system"]) == ("pretrained", "x")
    assert logged.data.tags["pretrained.sha256"] == model.digest
    assert logged.data.params["network.name"] == "unet"
    assert "train/seconds" not in logged.data.metrics
    assert logged.info.status == "FINISHED"
