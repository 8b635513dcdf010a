"""Models in a real registry: registered once, fetched completely, loaded anywhere, refused when changed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch
from mlflow.exceptions import MlflowException

from components.core.base.errors import UserError
from components.core.base.files import digest_file
from components.core.models.addresses import fetch_model
from components.core.models.model_description import WEIGHTS, ModelDescription
from components.core.models.model_folder import load_model, save_model
from components.core.networks.architectures.unet import UNetConfig
from components.core.networks.unet import build_unet
from components.core.release.version import VersionRef
from components.core.separating.segments import separate_audio
from components.core.sound.decoding import Audio
from components.core.sound.stft_config import StftConfig
from components.core.tracking import mlflow_runs
from components.register.register import ARTIFACTS, register
from tests.support.databases import new_mlflow_store

pytestmark = pytest.mark.slow

NAME = "vocal-isolation"
TARGETS = ("vocals", "accompaniment")
NETWORK = UNetConfig(widths=(4, 8), stft=StftConfig(window=512, hop=128), bins=128, frames=32)


@dataclass(frozen=True)
class Registered:
    """A registered model: its store, folder and run, and the result of `register`."""

    uri: str
    model: Path
    run: mlflow_runs.RunRef
    ref: VersionRef
    out: Path


def tiny_model(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    save_model(folder, build_unet(NETWORK, len(TARGETS), 2), NETWORK, TARGETS, 44100, 2, {"seed": seed})
    return folder


def new_run() -> mlflow_runs.RunRef:
    client = mlflow_runs.connect()
    return mlflow_runs.RunRef(run_id=client.create_run(mlflow_runs.experiment_id(client)).info.run_id)


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Registered:
    folder = tmp_path_factory.mktemp("register")
    uri = new_mlflow_store(folder / "mlflow" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        run, model = new_run(), tiny_model(folder / "model")
        ref = register(NAME, model, run, folder / "out")
    return Registered(uri, model, run, ref, folder / "out")


@pytest.fixture
def store(registered: Registered, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registered.uri)
    return mlflow_runs.connect()


@pytest.fixture(scope="module")
def mixture() -> Audio:
    return (0.1 * np.random.default_rng(0).standard_normal((2, 9001))).astype(np.float32)


def test_register_tags_the_version_with_its_origin(registered: Registered, store: mlflow.MlflowClient) -> None:
    assert (registered.ref.name, registered.ref.version) == (NAME, 1)
    assert VersionRef.read(registered.out) == registered.ref
    version = store.get_model_version(NAME, "1")
    assert version.run_id == registered.run.run_id
    assert version.tags["sha256"] == registered.ref.sha256 == load_model(registered.model).digest
    assert version.tags["stage"] == "register"
    assert version.tags["network"] == "unet"
    assert version.tags["targets"] == "vocals accompaniment"
    assert {"git_commit", "dvc_lock"} <= version.tags.keys()


def test_register_registers_the_same_weights_once(
    registered: Registered, store: mlflow.MlflowClient, tmp_path: Path
) -> None:
    again = register(NAME, registered.model, registered.run, tmp_path)
    assert again == registered.ref
    assert VersionRef.read(tmp_path) == registered.ref
    assert len(store.search_model_versions(f"name = '{NAME}'")) == 1


def test_register_finds_the_version_of_the_same_model_of_another_run(
    registered: Registered, store: mlflow.MlflowClient, tmp_path: Path
) -> None:
    """Training again must not bring back a version that a rollback or a person refused."""
    again = register(NAME, tiny_model(tmp_path / "model"), new_run(), tmp_path)
    assert again == registered.ref
    assert len(store.search_model_versions(f"name = '{NAME}'")) == 1


def test_register_makes_a_new_version_for_another_network(store: mlflow.MlflowClient, tmp_path: Path) -> None:
    config, folder = "longer", tiny_model(tmp_path / "model")
    first = register(config, folder, new_run(), tmp_path)
    description = json.loads((folder / ModelDescription.FILE).read_text(encoding="utf-8"))
    description["network"]["frames"] *= 2
    (folder / ModelDescription.FILE).write_text(json.dumps(description), encoding="utf-8")
    second = register(config, folder, new_run(), tmp_path)
    assert first.sha256 == second.sha256
    assert (first.version, second.version) == (1, 2)


def test_register_logs_lock_and_parameters(
    store: mlflow.MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    Path("dvc.lock").write_text("stages: {}\n")
    Path("params.yaml").write_text("train: {steps: 7}\n")
    ref = register("recorded", tiny_model(tmp_path / "model", seed=7), new_run(), tmp_path)
    kept = Path(mlflow.artifacts.download_artifacts(run_id=ref.run_id, artifact_path=ARTIFACTS, dst_path=str(tmp_path)))
    assert (kept / "params.yaml").read_text() == "train: {steps: 7}\n"
    assert digest_file(kept / "dvc.lock") == store.get_model_version("recorded", "1").tags["dvc_lock"]


def test_register_makes_a_new_version_for_other_weights(store: mlflow.MlflowClient, tmp_path: Path) -> None:
    config = "another"
    first = register(config, tiny_model(tmp_path / "a"), new_run(), tmp_path)
    second = register(config, tiny_model(tmp_path / "b", seed=1), new_run(), tmp_path)
    assert (first.version, second.version) == (1, 2)
    assert first.sha256 != second.sha256


def test_register_refuses_a_run_of_another_store(
    registered: Registered, store: mlflow.MlflowClient, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"MLflow run 0123 is not in .*set MLFLOW_TRACKING_URI"):
        register(NAME, registered.model, mlflow_runs.RunRef(run_id="0123", experiment="x"), tmp_path)


def test_register_refuses_a_folder_without_a_model(store: mlflow.MlflowClient, tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model")
    (model / WEIGHTS).unlink()
    with pytest.raises(UserError, match="is not a model"):
        register("broken", model, new_run(), tmp_path)
    assert not store.search_registered_models("name = 'broken'")


OUTSIDE_PROGRAM = """\
import sys, numpy as np, mlflow
sys.path[:] = [place for place in sys.path if place != REPOSITORY]
sys.meta_path[:] = [finder for finder in sys.meta_path if "stemline" not in getattr(finder, "__module__", "")]
mlflow.set_tracking_uri(STORE)
model = mlflow.pyfunc.load_model("models:/vocal-isolation/1")
np.save("stems.npy", model.predict(np.load("mixture.npy")))
import components
assert not components.__file__.startswith(REPOSITORY), components.__file__
"""


def test_model_loads_and_separates_without_the_repository(
    registered: Registered, tmp_path: Path, mixture: Audio
) -> None:
    batch = np.stack([mixture, mixture[:, ::-1]])
    np.save(tmp_path / "mixture.npy", batch)
    repository = str(Path(mlflow_runs.__file__).parents[3])
    code = OUTSIDE_PROGRAM.replace("REPOSITORY", repr(repository)).replace("STORE", repr(registered.uri))
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "STEMLINE_WORKSPACE")
    }
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    stems = np.load(tmp_path / "stems.npy")
    assert stems.shape == (2, len(TARGETS), 2, mixture.shape[1])
    separator = load_model(registered.model).separator
    for found, one in zip(stems, batch, strict=True):
        assert np.array_equal(found, separate_audio(separator, np.ascontiguousarray(one)))


def test_signature_accepts_any_length_and_refuses_other_channels(
    registered: Registered, store: mlflow.MlflowClient, mixture: Audio
) -> None:
    model = mlflow.pyfunc.load_model(f"models:/{NAME}/1")
    for samples in (1, 700):
        assert model.predict(mixture[None, :, :samples]).shape == (1, 2, 2, samples)
    for wrong in (mixture[None, :1], np.zeros((1, 3, 99), np.float32), mixture, mixture[None].astype(np.float64)):
        with pytest.raises(MlflowException):
            model.predict(wrong)


# fetching


def test_fetch_model_keeps_a_version_and_an_alias(
    registered: Registered, store: mlflow.MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.set_registered_model_alias(NAME, "live", "1")
    by_version = fetch_model(f"models:/{NAME}/1", tmp_path)
    assert (by_version.name, by_version.version) == (NAME, 1)
    assert load_model(by_version.folder).digest == registered.ref.sha256

    def fail(*_: object, **__: object) -> str:
        raise AssertionError("downloaded again")

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", fail)
    assert fetch_model(f"models:/{NAME}@live", tmp_path) == by_version


def test_fetch_model_takes_a_folder(registered: Registered, tmp_path: Path) -> None:
    found = fetch_model(str(registered.model), tmp_path)
    assert (found.folder, found.version) == (registered.model, 0)
    assert not list(tmp_path.iterdir())


def test_fetch_model_ignores_half_a_download(
    registered: Registered, store: mlflow.MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(uri: str, dst_path: str) -> str:
        half = Path(dst_path) / "model"
        half.mkdir()
        shutil.copy(registered.model / "model.json", half)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mlflow.artifacts, "download_artifacts", killed)
        # the files that the clean-up would remove stay, as after kill -9
        patch.setattr(tempfile.TemporaryDirectory, "cleanup", lambda self: None)
        patch.setattr(tempfile.TemporaryDirectory, "__exit__", lambda self, *error: None)
        with pytest.raises(KeyboardInterrupt):
            fetch_model(f"models:/{NAME}/1", tmp_path)
    assert load_model(fetch_model(f"models:/{NAME}/1", tmp_path).folder).digest == registered.ref.sha256


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("models:/vocal-isolation/99", "is not in the registry"),
        ("models:/nobody/1", "is not in the registry"),
        ("models:/vocal-isolation@nobody", "is not in the registry"),
        ("models:/vocal-isolation", "is not an address of a model"),
        ("models:/vocal-isolation/one", "is not"),
    ],
)
def test_fetch_model_refuses_unknown_addresses(
    store: mlflow.MlflowClient, tmp_path: Path, address: str, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint) as raised:
        fetch_model(address, tmp_path)
    assert address in str(raised.value)
    assert "\n" not in str(raised.value)


def test_fetch_model_refuses_a_model_changed_in_the_store(store: mlflow.MlflowClient, tmp_path: Path) -> None:
    ref = register("tampered", tiny_model(tmp_path / "model", seed=5), new_run(), tmp_path / "out")
    folder = fetch_model(f"models:/tampered/{ref.version}", tmp_path / "here").folder
    experiment = store.get_experiment_by_name(mlflow_runs.EXPERIMENT)
    kept = Path(str(experiment.artifact_location).removeprefix("file://"))
    original = (folder / WEIGHTS).read_bytes()
    stored = [path for path in kept.rglob(WEIGHTS) if path.read_bytes() == original]
    assert stored
    for path in stored:
        path.write_bytes(original[:-4] + b"\x00\x00\x80\x3f")
    with pytest.raises(UserError, match="holds weights that differ from the registered ones"):
        fetch_model(f"models:/tampered/{ref.version}", tmp_path / "elsewhere")
    # both files fit each other, so only the registry's checksum reveals the change
    for path in kept.rglob(ModelDescription.FILE):
        if json.loads(path.read_text())["sha256"] == ref.sha256:
            path.write_text(path.read_text().replace(ref.sha256, digest_file(path.parent / WEIGHTS)))
            load_model(path.parent)
    with pytest.raises(UserError, match="holds weights that differ from the registered ones"):
        fetch_model(f"models:/tampered/{ref.version}", tmp_path / "elsewhere")


def test_pyfunc_refuses_a_model_changed_in_the_store(store: mlflow.MlflowClient, tmp_path: Path) -> None:
    ref = register("served", tiny_model(tmp_path / "model", seed=6), new_run(), tmp_path / "out")
    experiment = store.get_experiment_by_name(mlflow_runs.EXPERIMENT)
    kept = Path(str(experiment.artifact_location).removeprefix("file://"))
    stored = [path for path in kept.rglob(WEIGHTS) if digest_file(path) == ref.sha256]
    for path in stored:
        path.write_bytes(path.read_bytes()[:-4] + b"\x00\x00\x80\x3f")
    assert stored
    with pytest.raises(UserError, match="checksum"):
        mlflow.pyfunc.load_model(f"models:/served/{ref.version}")
