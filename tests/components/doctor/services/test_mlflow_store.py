"""MLflow: databases and servers that work, fail, or are something else."""

import sqlite3
from importlib import metadata
from pathlib import Path

import pytest

from components.core.tracking import mlflow_runs
from components.doctor.services.mlflow_store import check_mlflow
from tests.components.doctor.findings import by_subject, statuses
from tests.support.databases import new_mlflow_store
from tests.support.http_server import serve_answers

MLFLOW, PREFECT = metadata.version("mlflow"), metadata.version("prefect")
UNREACHABLE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that MLflow created."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(path))
        mlflow_runs.connect()
    return path


def test_check_mlflow_accepts_a_database_of_this_version(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    found = by_subject(check_mlflow())["MLflow's database"]
    assert found.status == "ok"
    assert f"which MLflow {MLFLOW} needs" in found.observation


def test_check_mlflow_reports_a_database_of_another_version(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(database.read_bytes())
    with sqlite3.connect(other) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0a1b2c'")
    connection.close()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other}")
    found = by_subject(check_mlflow())["MLflow's database"]
    assert found.status == "problem"
    assert "at revision 0a1b2c" in found.observation
    assert "mlflow db upgrade" in found.remedy


@pytest.mark.parametrize(("content", "status"), [(b"", "problem"), (b"no database at all" * 100, "problem")])
def test_check_mlflow_reports_a_file_that_is_not_a_database(
    content: bytes, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.db").write_bytes(content)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'x.db'}")
    assert statuses(check_mlflow()) == {"MLflow's database": status}


def test_check_mlflow_creates_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'x.db'}")
    assert statuses(check_mlflow()) == {"MLflow's database": "not used"}
    assert list(tmp_path.iterdir()) == []


def test_check_mlflow_reports_a_database_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg2")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+psycopg2://me:hush@127.0.0.1:9/mlflow")
    assert statuses(check_mlflow()) == {"MLflow's database": "problem"}


def test_check_mlflow_reports_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mlruns")
    assert statuses(check_mlflow()) == {"MLflow": "problem"}


def _mlflow(version: str = MLFLOW, **changed: object) -> dict[str, object]:
    api = "/api/2.0"
    answers: dict[str, object] = {
        "/health": "OK",
        "/version": version,
        f"{api}/mlflow/experiments/search": {},
        f"{api}/mlflow/registered-models/search": {},
        f"{api}/mlflow-artifacts/artifacts": {},
    }
    return answers | {f"{api}/{name}": answer for name, answer in changed.items()}


def test_check_mlflow_accepts_a_working_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_answers(_mlflow()) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        found = statuses(check_mlflow())
    assert len(found) == 5
    assert set(found.values()) == {"ok"}


@pytest.mark.parametrize(
    ("answers", "what", "status"),
    [
        (_mlflow(version="2.0.1"), "MLflow's version", "warning"),
        (_mlflow() | {"/version": 404}, "MLflow's version", "problem"),
        (_mlflow() | {"/api/2.0/mlflow/experiments/search": 500}, "MLflow's runs", "problem"),
        (_mlflow() | {"/api/2.0/mlflow/registered-models/search": 403}, "MLflow's registry", "problem"),
        (_mlflow() | {"/api/2.0/mlflow-artifacts/artifacts": 503}, "MLflow's artifacts", "not used"),
        (_mlflow() | {"/api/2.0/mlflow-artifacts/artifacts": 500}, "MLflow's artifacts", "problem"),
        (_mlflow() | {"/api/2.0/mlflow/experiments/search": "<html>"}, "MLflow's runs", "problem"),
    ],
)
def test_check_mlflow_checks_each_part_of_a_server(
    answers: dict[str, object], what: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_answers(answers) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        found = statuses(check_mlflow())
    assert found.pop(what) == status
    assert set(found.values()) == {"ok"}


@pytest.mark.parametrize("status", [404, 502])
def test_check_mlflow_reports_another_kind_of_server(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_answers({"/health": status}) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert statuses(check_mlflow()) == {"MLflow": "problem"}


def test_check_mlflow_reports_a_server_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", UNREACHABLE)
    found = by_subject(check_mlflow())
    assert found["MLflow"].status == "problem"
    assert "connection refused" in found["MLflow"].observation
