"""MLflow, Prefect, ports and clocks: servers that work, that don't, that are others, and that have another time."""

import json
import os
import socket
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from functools import partial
from importlib import metadata
from pathlib import Path

import pytest

from components.core.tracking import mlflow_runs
from components.doctor.machine.clock import check_clock
from components.doctor.machine.ports import Server, check_ports
from components.doctor.services.mlflow_store import check_mlflow
from components.doctor.services.prefect_api import check_prefect
from tests.components.doctor.seeing import answering, by_name, statuses

MLFLOW, PREFECT = metadata.version("mlflow"), metadata.version("prefect")
_NOBODY = "http://127.0.0.1:9"


# MLflow


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that MLflow has made."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
        mlflow_runs.connect()
    return path


def test_a_database_of_this_version_fits(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    found = by_name(check_mlflow())["MLflow's database"]
    assert found.status == "ok"
    assert f"as MLflow {MLFLOW} wants it" in found.seen


def test_a_database_of_another_version_does_not(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(database.read_bytes())
    with sqlite3.connect(other) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0a1b2c'")
    connection.close()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other}")
    found = by_name(check_mlflow())["MLflow's database"]
    assert found.status == "problem"
    assert "at revision 0a1b2c" in found.seen
    assert "mlflow db upgrade" in found.do


@pytest.mark.parametrize(("content", "status"), [(b"", "problem"), (b"no database at all" * 100, "problem")])
def test_what_is_no_database_is_a_problem(
    content: bytes, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.db").write_bytes(content)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'x.db'}")
    assert statuses(check_mlflow()) == {"MLflow's database": status}


def test_looking_for_a_store_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'x.db'}")
    assert statuses(check_mlflow()) == {"MLflow's database": "not used"}
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_down_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg2")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+psycopg2://me:hush@127.0.0.1:9/mlflow")
    assert statuses(check_mlflow()) == {"MLflow's database": "problem"}


def test_a_folder_is_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_server_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(_mlflow()) as address:
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
def test_of_a_server_each_part_is_looked_at(
    answers: dict[str, object], what: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(answers) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        found = statuses(check_mlflow())
    assert found.pop(what) == status
    assert set(found.values()) == {"ok"}


@pytest.mark.parametrize("status", [404, 502])
def test_another_server_in_mlflows_place_is_a_problem(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering({"/health": status}) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert statuses(check_mlflow()) == {"MLflow": "problem"}


def test_a_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", _NOBODY)
    found = by_name(check_mlflow())
    assert found["MLflow"].status == "problem"
    assert "connection refused" in found["MLflow"].seen


# Prefect


def test_without_a_server_prefect_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert statuses(check_prefect()) == {"Prefect": "not used"}


def test_a_prefect_that_does_not_answer_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"{_NOBODY}/api")
    assert statuses(check_prefect()) == {"Prefect": "problem"}


def test_another_server_in_its_place_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering({"/api/health": "<html>"}) as address:
        monkeypatch.setenv("PREFECT_API_URL", f"{address}/api")
        assert statuses(check_prefect()) == {"Prefect": "problem"}


def _prefect(pools: object, workers: object, due: object = (), deployments: int = 0) -> dict[str, object]:
    return {
        "/api/health": True,
        "/api/admin/version": json.dumps(PREFECT),
        "/api/work_pools/filter": pools,
        "/api/work_pools/studio/workers/filter": workers,
        "/api/deployments/count": deployments,
        "/api/flow_runs/filter": due,
    }


_POOL = {"name": "studio", "type": "process", "is_paused": False}
_LONG_AGO = "2026-11-01T03:00:00.5Z"
_LIVE, _GONE = ({"name": s, "status": s, "last_heartbeat_time": _LONG_AGO} for s in ("ONLINE", "OFFLINE"))


def _due(minutes: float, state: str = "Late", *tags: str) -> dict[str, object]:
    since = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
    return {"name": "retrain at HEAD", "state_name": state, "expected_start_time": since, "tags": ["stemline", *tags]}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (_prefect([_POOL], [_LIVE, _GONE]), {"pool studio": "ok"}),
        (_prefect([_POOL], [_GONE]), {"pool studio": "warning"}),
        (_prefect([_POOL | {"is_paused": True}], [_LIVE]), {"pool studio": "warning"}),
        (_prefect([], []), {"work pools": "not used"}),
        (_prefect(401, []), {"work pools": "problem"}),
        (_prefect([_POOL], []), {"pool studio": "warning"}),
        (_prefect([_POOL], [_GONE], deployments=3), {"pool studio": "problem"}),
        (_prefect([_POOL], [_LIVE, _GONE], deployments=3), {"pool studio": "ok"}),
        (_prefect([_POOL | {"is_paused": True}], [_GONE], deployments=3), {"pool studio": "warning"}),
        (_prefect([_POOL], [_GONE], deployments=500), {"pool studio": "problem"}),
        (_prefect([_POOL], [_LIVE], [partial(_due, 2)]), {"pool studio": "ok", "late runs": "warning"}),
        (_prefect([_POOL], [_LIVE], [partial(_due, 0.1, "Scheduled")]), {"pool studio": "ok"}),
        (_prefect([_POOL], [_LIVE], [partial(_due, 11, "Scheduled")]), {"pool studio": "ok", "late runs": "problem"}),
        (
            _prefect([_POOL], [_LIVE], [partial(_due, 90, "Late", "stemline-shard")]),
            {"pool studio": "ok", "late runs": "warning"},
        ),
        (_prefect([_POOL], [_LIVE], 503), {"pool studio": "ok", "late runs": "problem"}),
    ],
)
def test_pools_workers_and_waiting_runs(
    answers: dict[str, object], expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    due = answers["/api/flow_runs/filter"]
    if isinstance(due, list):  # due from now on, not from when the tests were collected
        answers = answers | {"/api/flow_runs/filter": [made() for made in due]}
    with answering(answers) as address:
        monkeypatch.setenv("PREFECT_API_URL", f"{address}/api")
        found = statuses(check_prefect())
    assert found == {"Prefect": "ok", "Prefect's version": "ok", "late runs": "ok"} | expected


def test_what_an_alarm_says_names_how_long_nobody_has_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = _prefect([_POOL], [_GONE], [_due(95), _due(20), _due(1)], deployments=3)
    with answering(answers) as address:
        monkeypatch.setenv("PREFECT_API_URL", f"{address}/api")
        found = by_name(check_prefect())
    minutes = (datetime.now(UTC) - datetime.fromisoformat(_LONG_AGO)).total_seconds() / 60
    assert (
        found["pool studio"].seen
        == f"no live worker, 1 gone, the last {minutes:.0f} min ago: runs of 3 deployments wait"
    )
    assert found["pool studio"].do == "prefect worker start --pool studio"
    assert found["late runs"].seen == "2 wait for a worker for too long, the longest: retrain at HEAD, for 95 min"


# ports


def _server(port: int) -> tuple[Server, ...]:
    return (Server("MLflow", port, "MLFLOW_TRACKING_URI", "health", "mlflow ui --port 5001"),)


def test_a_free_port_and_one_that_another_program_has() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        found = by_name(check_ports({}, _server(port)))[f"port {port}"]
        assert found.status == "warning"
        assert f"process {os.getpid()}" in found.seen
        assert statuses(check_ports({"MLFLOW_TRACKING_URI": "http://elsewhere"}, _server(port))) == {}
    assert statuses(check_ports({}, _server(port))) == {f"port {port}": "ok"}


def test_a_server_that_nobody_names_is_named() -> None:
    with answering({"/health": "OK"}) as address:
        found = by_name(check_ports({}, _server(int(address.rsplit(":", 1)[1]))))
    (one,) = found.values()
    assert one.status == "warning"
    assert one.do == "to use it, set MLFLOW_TRACKING_URI"


# clocks


@pytest.mark.parametrize(
    ("ahead", "status"), [(0.0, "ok"), (-1.0, "ok"), (5.0, "warning"), (-90.0, "warning"), (-4000.0, "problem")]
)
def test_clocks_are_compared(ahead: float, status: str) -> None:
    with answering({}, formatdate(time.time() + ahead, usegmt=True)) as address:
        (found,) = check_clock({"AWS_ENDPOINT_URL": address})
    assert found.status == status
    assert ("behind" in found.seen) == (ahead > 0) or not ahead


def test_a_server_without_a_time_says_nothing_of_the_clock() -> None:
    with answering({}, "yesterday") as address:
        assert statuses(check_clock({"PREFECT_API_URL": address})) == {"clock": "not used"}
    assert statuses(check_clock({"PREFECT_API_URL": _NOBODY})) == {"clock": "not used"}
    assert statuses(check_clock({"MLFLOW_TRACKING_URI": "sqlite:///x.db"})) == {"clock": "not used"}
