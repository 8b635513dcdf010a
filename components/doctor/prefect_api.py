"""Prefect: does its server answer, are there work pools, and does anybody work for them?

Asked over HTTP: components know no Prefect.
"""

import os
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from components.core.asking import Answer, Auth, ask
from components.core.errors import UserError
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

_WHAT = "Prefect"
_POOLS = "work pools"
_MANY = 200  # the most that the server gives at once


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
        gone = f", {len(workers)} that are gone" if workers else ""
        return warning(what, f"no live worker{gone}: its runs wait", f"prefect worker start --pool {name}")
    return ok(what, f"{pool['type']}, {len(live)} live workers, {len(workers) - len(live)} gone")


def _late(url: str) -> Finding:
    """Runs whose time has come, and that nobody has started."""
    asked = {"flow_runs": {"state": {"name": {"any_": ["Late"]}}}}
    try:
        late = int(_asked(f"{url}/flow_runs/count", asked).json())
    except UserError as error:
        return problem("late runs", str(error), _LOGIN)
    if late:
        return warning("late runs", f"{late} wait for a worker", "start a worker on their pool, or `stemline serve`")
    return ok("late runs", "none")


_LOGIN = "401 or 403: PREFECT_API_AUTH_STRING or PREFECT_API_KEY; 5xx: the server's log (is its database up?)"


def _asked(url: str, payload: Any = None) -> Answer:
    key = os.environ.get("PREFECT_API_KEY")
    return ask(url, payload, auth=_login(), headers={"Authorization": f"Bearer {key}"} if key else None)


def _login() -> Auth:
    user, colon, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    return (user, password) if colon else None
