"""Check of Prefect: does its server answer, are there work pools, and do workers serve them?

The check uses HTTP, because components do not import Prefect.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import metadata
from typing import Any

from components.core.base.errors import UserError
from components.core.base.http import Auth, Response, request
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

_SUBJECT = "Prefect"
_POOLS = "work pools"
_LATE = "late runs"
_PAGE_LIMIT = 200  # the most rows that the server returns at once

_LATE_LIMIT = timedelta(minutes=10)
"""A run that waits longer has no worker; until then all workers may be busy."""

_SHARD = "stemline-shard"
"""The tag of the runs of a catalogue's shards: there are more of them than workers, so they may wait for hours."""


def check_prefect() -> Findings:
    """Check the server that PREFECT_API_URL names."""
    url = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if not url:
        observation = "PREFECT_API_URL is not set: every run starts its own server, and no schedule works"
        remedy = "for schedules: prefect server start, then PREFECT_API_URL=http://127.0.0.1:4200/api"
        yield not_used(_SUBJECT, observation, remedy)
        return
    try:
        health = _request(f"{url}/health")
        health.json()
    except UserError as error:
        remedy = "start it (prefect server start), or correct PREFECT_API_URL: it ends in /api"
        yield problem(_SUBJECT, f"{url}: {error}", remedy)
        return
    yield ok(_SUBJECT, f"{url} answers in {health.milliseconds:.0f} ms")
    yield _check_version(url)
    yield from _check_pools(url)
    yield _check_late_runs(url)


def _check_version(url: str) -> Finding:
    installed = metadata.version("prefect")
    try:
        served = str(_request(f"{url}/admin/version").json())
    except UserError as error:
        return problem("Prefect's version", str(error), _LOGIN_REMEDY)
    if served != installed:
        return warning(
            "Prefect's version",
            f"the server has {served}, this machine {installed}",
            f"install prefect=={installed} there",
        )
    return ok("Prefect's version", f"{installed} on the server and here")


def _check_pools(url: str) -> Iterator[Finding]:
    try:
        pools = _request(f"{url}/work_pools/filter", {"limit": _PAGE_LIMIT}).json()
    except UserError as error:
        yield problem(_POOLS, str(error), _LOGIN_REMEDY)
        return
    if not pools:
        yield not_used(_POOLS, "none", "to spread work over machines: prefect work-pool create stemline --type process")
    for pool in pools:
        yield _check_pool(url, pool)


def _check_pool(url: str, pool: dict[str, Any]) -> Finding:
    name, subject = pool["name"], f"pool {pool['name']}"
    if pool["is_paused"]:
        return warning(subject, "paused: its runs do not start", f"prefect work-pool resume {name}")
    try:
        workers = _request(f"{url}/work_pools/{name}/workers/filter", {"limit": _PAGE_LIMIT}).json()
    except UserError as error:
        return problem(subject, str(error), _LOGIN_REMEDY)
    live = [worker["name"] for worker in workers if worker["status"] == "ONLINE"]
    if not live:
        return _describe_missing_workers(url, name, subject, workers)
    return ok(subject, f"{pool['type']}, {len(live)} live workers, {len(workers) - len(live)} gone")


def _describe_missing_workers(url: str, name: str, subject: str, workers: list[dict[str, Any]]) -> Finding:
    """Return the finding for a pool without workers: a problem when deployments use it, since their runs will wait."""
    query = {"work_pools": {"name": {"any_": [name]}}, "deployments": {"paused": {"eq_": False}}}
    try:
        deployments = int(_request(f"{url}/deployments/count", query).json())
    except UserError as error:
        return problem(subject, str(error), _LOGIN_REMEDY)
    gone = ""
    if workers:
        last = max(datetime.fromisoformat(worker["last_heartbeat_time"]) for worker in workers)
        gone = f", {len(workers)} gone, the last {_minutes(datetime.now(UTC) - last)} ago"
    remedy = f"prefect worker start --pool {name}"
    if deployments:
        return problem(subject, f"no live worker{gone}: runs of {deployments} deployments wait", remedy)
    return warning(subject, f"no live worker{gone}", remedy)


def _check_late_runs(url: str) -> Finding:
    """Check for runs that are due and have not started; shards of a catalogue are allowed to wait."""
    now = datetime.now(UTC)
    query = {
        "flow_runs": {
            "state": {"name": {"any_": ["Scheduled", "Late"]}},
            "expected_start_time": {"before_": now.isoformat()},
        },
        "sort": "EXPECTED_START_TIME_ASC",
        "limit": _PAGE_LIMIT,
    }
    try:
        due = _request(f"{url}/flow_runs/filter", query).json()
    except UserError as error:
        return problem(_LATE, str(error), _LOGIN_REMEDY)
    waits = [(now - datetime.fromisoformat(run["expected_start_time"]), run) for run in due]
    overdue = [(wait, run["name"]) for wait, run in waits if wait > _LATE_LIMIT and _SHARD not in run["tags"]]
    if overdue:
        wait, name = overdue[0]
        longest = f"{name}, for {_minutes(wait)}"
        remedy = "start a worker on their pool, resume a paused pool, or `stemline serve`; cancel unwanted runs"
        return problem(_LATE, f"{len(overdue)} wait for a worker for too long, the longest: {longest}", remedy)
    late = [run for run in due if run["state_name"] == "Late"]
    if late:
        return warning(_LATE, f"{len(late)} wait for a worker", "start a worker on their pool, or `stemline serve`")
    return ok(_LATE, "none")


def _minutes(wait: timedelta) -> str:
    return f"{wait.total_seconds() / 60:.0f} min"


_LOGIN_REMEDY = "401 or 403: PREFECT_API_AUTH_STRING or PREFECT_API_KEY; 5xx: the server's log (is its database up?)"


def _request(url: str, payload: Any = None) -> Response:
    key = os.environ.get("PREFECT_API_KEY")
    return request(url, payload, auth=_login(), headers={"Authorization": f"Bearer {key}"} if key else None)


def _login() -> Auth:
    user, colon, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    return (user, password) if colon else None
