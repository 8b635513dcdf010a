"""A real registry, and models in it."""

from pathlib import Path

import mlflow
import pytest

from components.core.tracking import mlflow_runs
from components.promote.config import PromoteConfig
from tests.support.databases import new_mlflow_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return new_mlflow_store(tmp_path_factory.mktemp("mlflow") / "mlflow.db")


@pytest.fixture
def client(store: str, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    return mlflow_runs.connect()


@pytest.fixture
def config(tmp_path: Path) -> PromoteConfig:
    return PromoteConfig(alias="champion", previous="previous", journal=str(tmp_path / "promote"))


@pytest.fixture
def name(client: mlflow.MlflowClient, request: pytest.FixtureRequest) -> str:
    """A registered model with three versions."""
    name = f"model of {request.node.name}"
    client.create_registered_model(name)
    for _ in range(3):
        client.create_model_version(name, "somewhere")
    return name
