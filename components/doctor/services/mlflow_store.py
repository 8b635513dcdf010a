"""MLflow: does its server answer, or does its database fit the installed version?"""

import os
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from components.core.base.errors import UserError
from components.core.base.http import Auth, Response, request
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

_WHAT = "MLflow"
_DATABASE = "MLflow's database"
_SQLITE = "sqlite:///"
_API = "api/2.0/mlflow"


def check_mlflow() -> Findings:
    """Look at the store that MLFLOW_TRACKING_URI names, or at the workspace's own."""
    from components.core.tracking.mlflow_store import tracking_uri

    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        yield from _server(uri.rstrip("/"))
    elif "://" in uri and not uri.startswith("file:"):
        yield from _database(uri)
    else:
        yield problem(
            _WHAT, f"{uri} is a folder", "MLFLOW_TRACKING_URI=sqlite:///…, a database's or a server's address"
        )


def _server(uri: str) -> Findings:
    try:
        health = _get(f"{uri}/health")
        health.text()
    except UserError as error:
        do = "start it, or set MLFLOW_TRACKING_URI right; without the variable the workspace's own store is used"
        yield problem(_WHAT, f"{uri}: {error}", do)
        return
    yield ok(_WHAT, f"{uri} answers in {health.milliseconds:.0f} ms")
    yield _version(uri)
    for what, path in (("MLflow's runs", "experiments/search"), ("MLflow's registry", "registered-models/search")):
        yield _asked(what, f"{uri}/{_API}/{path}?max_results=1")
    yield _artifacts(uri)


def _version(uri: str) -> Finding:
    mine = metadata.version("mlflow")
    try:
        theirs = _get(f"{uri}/version").text()
    except UserError as error:
        return problem("MLflow's version", str(error), "see the server's log")
    if theirs != mine:
        do = f"install mlflow=={mine} there, then `mlflow db upgrade` (docs/operations.md), or the other one here"
        return warning("MLflow's version", f"the server is {theirs}, here is {mine}", do)
    return ok("MLflow's version", f"{mine} there and here")


def _asked(what: str, url: str) -> Finding:
    try:
        answer = _get(url)
        answer.json()
    except UserError as error:
        do = "401 or 403: MLFLOW_TRACKING_USERNAME and …_PASSWORD; 5xx: the server's log (is its database up?)"
        return problem(what, str(error), do)
    return ok(what, f"read in {answer.milliseconds:.0f} ms")


def _artifacts(uri: str) -> Finding:
    """A server that hands artifacts on, as ours does, lists them; of another one clients must reach the store."""
    try:
        answer = _get(f"{uri}/api/2.0/mlflow-artifacts/artifacts")
        if answer.status in (404, 405, 503):
            return not_used("MLflow's artifacts", "the server does not hand them on: clients need its store's rights")
        answer.json()
    except UserError as error:
        do = "models can't be stored or fetched: see the server's log, its bucket and its keys"
        return problem("MLflow's artifacts", str(error), do)
    return ok("MLflow's artifacts", f"listed in {answer.milliseconds:.0f} ms")


def _get(url: str) -> Response:
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return request(url, auth=_login(), headers={"Authorization": f"Bearer {token}"} if token else None)


def _login() -> Auth:
    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    return (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else None


def _database(uri: str) -> Findings:
    file = Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None
    if file is not None and not file.is_file():
        yield not_used(_DATABASE, f"{file} is not there yet: the first run makes it")
        return
    try:
        has = _revision(uri)
    except Exception as error:  # whatever the driver raises
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        do = "is the address right, and the database up? A damaged one: bring a backup back (docs/operations.md)"
        yield problem(_DATABASE, f"{uri}: {reason}", do)
        return
    yield _fitting(uri, has, _newest())


def _fitting(uri: str, has: str, newest: str) -> Finding:
    version = metadata.version("mlflow")
    if has == newest:
        return ok(_DATABASE, f"{uri}, at revision {has}, as MLflow {version} wants it")
    do = "back it up, then `mlflow db upgrade` with its address; if it is newer than MLflow here: make setup"
    return problem(_DATABASE, f"{uri} is at revision {has or 'none'}; MLflow {version} wants {newest}", do)


def _revision(uri: str) -> str:
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import OperationalError, ProgrammingError
    from sqlalchemy.pool import NullPool

    engine = create_engine(uri, poolclass=NullPool)
    with engine.connect() as connection:
        try:
            return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")
        except (OperationalError, ProgrammingError) as error:
            if "alembic_version" in str(error.orig):  # no such table
                return ""
            raise


def _newest() -> str:
    """Return the revision that the installed MLflow migrates a database to, without importing MLflow."""
    from alembic.script import ScriptDirectory

    package: Any = find_spec("mlflow")
    folder = Path(package.submodule_search_locations[0]) / "store" / "db_migrations"
    return str(ScriptDirectory(str(folder)).get_current_head())
