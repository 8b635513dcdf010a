"""Prefect: servers, pools, workers and late runs."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import metadata

import pytest

from components.doctor.services.prefect_api import check_prefect
from tests.components.doctor.findings import by_subject, statuses
from tests.support.http_server import serve_answers

MLFLOW, PREFECT = metadata.version("mlflow"), metadata.version("prefect")
UNREACHABLE = "http://127.0.0.1:9"


def test_check_prefect_without_a_server_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert statuses(check_prefect()) == {"Prefect": "not used"}


def test_check_prefect_reports_a_server_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"{UNREACHABLE}/api")
    assert statuses(check_prefect()) == {"Prefect": "problem"}


def test_check_prefect_reports_another_kind_of_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_answers({"/api/health": "<html>"}) as address:
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
def test_check_prefect_checks_pools_workers_and_late_runs(
    answers: dict[str, object], expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    due = answers["/api/flow_runs/filter"]
    if isinstance(due, list):  # due from now on, not from when the tests were collected
        answers = answers | {"/api/flow_runs/filter": [made() for made in due]}
    with serve_answers(answers) as address:
        monkeypatch.setenv("PREFECT_API_URL", f"{address}/api")
        found = statuses(check_prefect())
    assert found == {"Prefect": "ok", "Prefect's version": "ok", "late runs": "ok"} | expected


def test_check_prefect_says_how_long_runs_and_workers_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = _prefect([_POOL], [_GONE], [_due(95), _due(20), _due(1)], deployments=3)
    with serve_answers(answers) as address:
        monkeypatch.setenv("PREFECT_API_URL", f"{address}/api")
        found = by_subject(check_prefect())
    minutes = (datetime.now(UTC) - datetime.fromisoformat(_LONG_AGO)).total_seconds() / 60
    assert (
        found["pool studio"].observation
        == f"no live worker, 1 gone, the last {minutes:.0f} min ago: runs of 3 deployments wait"
    )
    assert found["pool studio"].remedy == "prefect worker start --pool studio"
    assert (
        found["late runs"].observation == "2 wait for a worker for too long, the longest: retrain at HEAD, for 95 min"
    )
