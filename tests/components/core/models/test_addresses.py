"""Models by address: each is fetched once and completely, or the error is one line."""

from pathlib import Path

import mlflow
import pytest

from components.core.base.errors import UserError
from components.core.models.addresses import fetch_model, has_registered_version
from components.core.models.model_description import MODEL_FOLDER, WEIGHTS
from components.core.models.model_folder import load_model
from components.core.tracking import mlflow_runs
from tests.support.databases import new_mlflow_store
from tests.support.tiny_models import save_tiny_model


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registry with two versions of the model `tiny`, the second one the champion."""
    folder = tmp_path_factory.mktemp("registry")
    uri = new_mlflow_store(folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        client = mlflow_runs.connect()
        client.create_registered_model("tiny")
        for number in (1, 2):
            save_tiny_model(folder / str(number) / "artifacts" / MODEL_FOLDER, seed=number)
            client.create_model_version("tiny", (folder / str(number)).as_uri())
        client.set_registered_model_alias("tiny", "champion", "2")
    return uri


@pytest.fixture(autouse=True)
def _store(registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry)


def test_fetch_model_accepts_alias_and_version(tmp_path: Path) -> None:
    champion = fetch_model("models:/tiny@champion", tmp_path)
    assert (champion.name, champion.version) == ("tiny", 2)
    assert fetch_model("models:/tiny/2", tmp_path) == champion
    first = fetch_model("models:/tiny/1", tmp_path)
    assert load_model(first.folder).digest != load_model(champion.folder).digest
    assert not list(tmp_path.glob("**/.partial*"))


def test_fetch_model_returns_a_folder_unchanged(tmp_path: Path) -> None:
    found = fetch_model(str(tmp_path / "model"), tmp_path)
    assert (found.folder, found.name, found.version) == (tmp_path / "model", "model", 0)


def test_fetch_model_fetches_a_version_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fetch_model("models:/tiny/1", tmp_path)

    def fail(*arguments: object, **more: object) -> str:
        raise AssertionError("fetched again")

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", fail)
    assert fetch_model("models:/tiny/1", tmp_path) == first


def test_fetch_model_tells_registries_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The versions have the SHA-256 of their weights, as `register` writes it."""
    folders = []
    for seed in (1, 2):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / f"{seed}.db"))
        client = mlflow_runs.connect()
        client.create_registered_model("tiny")
        model = save_tiny_model(tmp_path / f"made-{seed}" / "artifacts" / MODEL_FOLDER, seed=seed)
        tags = {"sha256": load_model(model).digest}
        client.create_model_version("tiny", (tmp_path / f"made-{seed}").as_uri(), tags=tags)
        found = fetch_model("models:/tiny/1", tmp_path / "fetched")
        assert load_model(found.folder).digest == tags["sha256"]
        folders.append(found.folder)
    assert folders[0] != folders[1]


def test_fetch_model_replaces_a_damaged_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a loss of power a file can have its length and no content."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow.db"))
    client = mlflow_runs.connect()
    client.create_registered_model("tiny")
    model = save_tiny_model(tmp_path / "made" / "artifacts" / MODEL_FOLDER)
    digest = load_model(model).digest
    client.create_model_version("tiny", (tmp_path / "made").as_uri(), tags={"sha256": digest})
    found = fetch_model("models:/tiny/1", tmp_path / "fetched").folder
    weights = found / WEIGHTS
    weights.write_bytes(bytes(weights.stat().st_size))
    assert fetch_model("models:/tiny/1", tmp_path / "fetched").folder == found
    assert load_model(found).digest == digest
    weights.unlink()
    assert load_model(fetch_model("models:/tiny/1", tmp_path / "fetched").folder).digest == digest


def test_fetch_model_ignores_half_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After kill -9 the received part stays on the disk."""

    def half(uri: str, dst_path: str) -> str:
        (Path(dst_path) / MODEL_FOLDER).mkdir(parents=True)
        (Path(dst_path) / MODEL_FOLDER / "model.json").write_text("{")
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(mlflow.artifacts, "download_artifacts", half)
        with pytest.raises(SystemExit):
            fetch_model("models:/tiny/1", tmp_path)
    assert not (tmp_path / "tiny" / "1" / MODEL_FOLDER).exists()
    assert load_model(fetch_model("models:/tiny/1", tmp_path).folder).targets == ("vocals", "accompaniment")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("models:/tiny@challenger", "is not in the registry at sqlite:"),
        ("models:/nobody@champion", "is not in the registry"),
        ("models:/tiny/3", "is not in the registry"),
        ("models:/tiny/latest", "is not"),
        ("models:/tiny", "is not an address of a model: write models:/NAME@ALIAS"),
        ("models:/", "is not an address of a model"),
    ],
)
def test_missing_model_is_a_user_error(address: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        fetch_model(address, tmp_path)
    assert says in str(error.value)
    assert str(error.value).startswith(address)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("models:/tiny@champion", True),
        ("models:/tiny/1", True),
        ("models:/tiny@nobody", False),
        ("models:/tiny/9", False),
        ("models:/giant@champion", False),
    ],
)
def test_model_exists_asks_the_registry(address: str, expected: bool) -> None:
    assert has_registered_version(address) is expected


def test_model_exists_creates_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}")
    assert not has_registered_version("models:/tiny@champion")
    assert not (tmp_path / "new").exists()


def test_model_exists_raises_when_the_registry_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9"):
        has_registered_version("models:/tiny@champion")
