"""Prefect: does its server answer, are there work pools, and does anybody work for them?

Asked over HTTP: components know no Prefect.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import metadata
from typing import Any

from components.core.base.errors import UserError
from components.core.base.http import Auth, Response, request
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

_WHAT = "Prefect"
_POOLS = "work pools"
_LATE = "late runs"
_MANY = 200  # the most that the server gives at once

_BUSY = timedelta(minutes=10)
"""A run that is late for longer nobody takes; until then a worker may only be busy."""

_SHARD = "stemline-shard"
"""The tag of runs of a catalogue's shards, more than there are workers: they wait as long as it takes."""


def check_prefect() -> Findings:
    """Look at the server that PREFECT_API_URL names."""
    url = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if not url:
        seen = "PREFECT_API_URL is not set: every run starts a server for itself, and nothing is run on a schedule"
        yield not_used(
            _WHAT, seen, "for schedules: prefect server start, then PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
        return
    try:
        health = _asked(f"{url}/health")
        health.json()
    except UserError as error:
        do = "start it (prefect server start), or set PREFECT_API_URL right: it ends in /api"
        yield problem(_WHAT, f"{url}: {error}", do)
        return
    yield ok(_WHAT, f"{url} answers in {health.milliseconds:.0f} ms")
    yield _version(url)
    yield from _pools(url)
    yield _late(url)


def _version(url: str) -> Finding:
    mine = metadata.version("prefect")
    try:
        theirs = str(_asked(f"{url}/admin/version").json())
    except UserError as error:
        return problem("Prefect's version", str(error), _LOGIN)
    if theirs != mine:
        return warning("Prefect's version", f"the server is {theirs}, here is {mine}", f"install prefect=={mine} there")
    return ok("Prefect's version", f"{mine} there and here")


def _pools(url: str) -> Iterator[Finding]:
    try:
        pools = _asked(f"{url}/work_pools/filter", {"limit": _MANY}).json()
    except UserError as error:
        yield problem(_POOLS, str(error), _LOGIN)
        return
    if not pools:
        yield not_used(_POOLS, "none", "to spread work over machines: prefect work-pool create stemline --type process")
    for pool in pools:
        yield _pool(url, pool)


def _pool(url: str, pool: dict[str, Any]) -> Finding:
    name, what = pool["name"], f"pool {pool['name']}"
    if pool["is_paused"]:
        return warning(what, "paused: nothing in it is run", f"prefect work-pool resume {name}")
    try:
        workers = _asked(f"{url}/work_pools/{name}/workers/filter", {"limit": _MANY}).json()
    except UserError as error:
        return problem(what, str(error), _LOGIN)
    live = [worker["name"] for worker in workers if worker["status"] == "ONLINE"]
    if not live:
        return _deserted(url, name, what, workers)
    return ok(what, f"{pool['type']}, {len(live)} live workers, {len(workers) - len(live)} gone")


def _deserted(url: str, name: str, what: str, workers: list[dict[str, Any]]) -> Finding:
    """Return what it means that a pool has no worker: runs will come where deployments name it."""
    asked = {"work_pools": {"name": {"any_": [name]}}, "deployments": {"paused": {"eq_": False}}}
    try:
        deployments = int(_asked(f"{url}/deployments/count", asked).json())
    except UserError as error:
        return problem(what, str(error), _LOGIN)
    gone = ""
    if workers:
        last = max(datetime.fromisoformat(worker["last_heartbeat_time"]) for worker in workers)
        gone = f", {len(workers)} gone, the last {_minutes(datetime.now(UTC) - last)} ago"
    do = f"prefect worker start --pool {name}"
    if deployments:
        return problem(what, f"no live worker{gone}: runs of {deployments} deployments wait", do)
    return warning(what, f"no live worker{gone}", do)


def _late(url: str) -> Finding:
    """Runs whose time has come, and that nobody has started; shards of a catalogue wait for one another."""
    now = datetime.now(UTC)
    asked = {
        "flow_runs": {
            "state": {"name": {"any_": ["Scheduled", "Late"]}},
            "expected_start_time": {"before_": now.isoformat()},
        },
        "sort": "EXPECTED_START_TIME_ASC",
        "limit": _MANY,
    }
    try:
        due = _asked(f"{url}/flow_runs/filter", asked).json()
    except UserError as error:
        return problem(_LATE, str(error), _LOGIN)
    waits = [(now - datetime.fromisoformat(run["expected_start_time"]), run) for run in due]
    overdue = [(wait, run["name"]) for wait, run in waits if wait > _BUSY and _SHARD not in run["tags"]]
    if overdue:
        wait, name = overdue[0]
        longest = f"{name}, for {_minutes(wait)}"
        do = "start a worker on their pool, resume a pool that is paused, or `stemline serve`; cancel what nobody wants"
        return problem(_LATE, f"{len(overdue)} wait for a worker for too long, the longest: {longest}", do)
    late = [run for run in due if run["state_name"] == "Late"]
    if late:
        return warning(_LATE, f"{len(late)} wait for a worker", "start a worker on their pool, or `stemline serve`")
    return ok(_LATE, "none")


def _minutes(wait: timedelta) -> str:
    return f"{wait.total_seconds() / 60:.0f} min"


_LOGIN = "401 or 403: PREFECT_API_AUTH_STRING or PREFECT_API_KEY; 5xx: the server's log (is its database up?)"


def _asked(url: str, payload: Any = None) -> Response:
    key = os.environ.get("PREFECT_API_KEY")
    return request(url, payload, auth=_login(), headers={"Authorization": f"Bearer {key}"} if key else None)


def _login() -> Auth:
    user, colon, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    return (user, password) if colon else None
