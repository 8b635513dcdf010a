"""The default model is the champion; before the first promotion it is the shipped model."""

import json
import socket
from pathlib import Path

import pytest
import soundfile

from components.core.base.errors import Outage, UserError
from components.core.base.exit_codes import ExitCode
from components.core.models.addresses import MODELS
from components.core.models.model_description import MODEL_FOLDER
from components.core.models.model_folder import load_model
from components.core.tracking import mlflow_runs
from components.separate.command import prepare_job
from components.separate.config import JobOptions
from tests.components.separate.parameters import CONFIG, separate_config
from tests.support.databases import new_mlflow_store
from tests.support.tiny_models import noise, run_python, save_tiny_model

pytestmark = pytest.mark.slow

NAME = "vocal-isolation"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a song, outside any repository."""
    soundfile.write(tmp_path / "song.wav", noise(0, 3000).T, 44100, "PCM_16")
    return tmp_path


def _separate(folder: Path, store: str = "") -> tuple[int, str, str]:
    more = {MODELS: str(folder / "models"), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    # an empty address is none, as `MLFLOW_TRACKING_URI=` in a shell
    more |= {"MLFLOW_TRACKING_URI": store, "STEMLINE_WORKSPACE": "workspace"}
    result = run_python("-m", "components.separate", "song.wav", "out", cwd=folder, more=more)
    return result.returncode, result.stdout, result.stderr


def _model_of(folder: Path) -> dict[str, object]:
    document = json.loads((folder / "out" / "song.wav" / "provenance.json").read_text(encoding="utf-8"))
    model: dict[str, object] = document["model"]
    return model


def test_shipped_model_separates_without_a_registry(folder: Path) -> None:
    shipped = save_tiny_model(folder / "models" / NAME)
    code, out, error = _separate(folder)
    assert code == 0, error
    assert "separating with the shipped model vocal-isolation" in out
    assert (_model_of(folder)["name"], _model_of(folder)["version"]) == (NAME, 0)
    assert _model_of(folder)["sha256"] == load_model(shipped).digest
    assert not (folder / "workspace").exists()


def test_champion_replaces_the_shipped_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_tiny_model(folder / "models" / NAME)
    store = new_mlflow_store(folder / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    client = mlflow_runs.connect()
    champion = save_tiny_model(folder / "artifacts" / "artifacts" / MODEL_FOLDER, seed=1)
    client.create_registered_model(NAME)
    client.create_model_version(NAME, (folder / "artifacts").as_uri())
    code, out, _ = _separate(folder, store)
    assert code == 0
    assert "shipped model" in out  # a version, but no champion yet
    client.set_registered_model_alias(NAME, "champion", "1")
    code, out, error = _separate(folder, store)
    assert code == 0, error
    assert "shipped model" not in out
    assert _model_of(folder)["sha256"] == load_model(champion).digest


def test_registry_that_does_not_answer_ends_with_75(folder: Path) -> None:
    save_tiny_model(folder / "models" / NAME)
    code, _, error = _separate(folder, "http://127.0.0.1:9")
    assert code == ExitCode.OUTAGE
    assert "127.0.0.1:9" in error
    assert "Traceback" not in error
    assert not (folder / "out").exists()


def test_parameters_are_the_same_outside_the_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = save_tiny_model(folder / "model")
    inside = prepare_job("in", "out", {"model": str(model)})
    monkeypatch.chdir(folder)
    outside = prepare_job("in", "out", {"model": str(model)})
    assert outside.config == inside.config
    assert (outside.config.flags, outside.config.limits) == (CONFIG.flags, CONFIG.limits)


def test_options_replace_parameters(folder: Path) -> None:
    model = save_tiny_model(folder / "model")
    options = {"model": str(model), "stems": ["vocals, accompaniment"], "pictures": False, "workers": None, "limit": 3}
    job = prepare_job("in", "out", options)
    assert job.config == separate_config(model=str(model), stems=["vocals", "accompaniment"], pictures=False)
    assert job.options == JobOptions(limit=3)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format": "mp3"}, "command line: separate.format"),
        ({"workers": -1}, "command line: separate.workers"),
        ({"limit": 0}, "command line: separate.limit"),
    ],
)
def test_wrong_option_is_a_user_error(options: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        prepare_job("in", "out", options)


def test_an_mlflow_that_does_not_answer_ends_a_separation_in_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as closed_afterwards:
        port = closed_afterwards.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    with pytest.raises(Outage, match=r"does not answer: .*; so the live model is unknown: .* --model "):
        prepare_job("in", "out", {})


@pytest.mark.parametrize(("source", "destination", "name"), [("", "out", "SOURCE"), ("in", " ", "DESTINATION")])
def test_empty_place_is_refused_before_anything_is_listed(source: str, destination: str, name: str) -> None:
    with pytest.raises(UserError, match=f"^{name} is empty: name a recording or a folder"):
        prepare_job(source, destination, {})
