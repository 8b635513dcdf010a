"""Check of MLflow: does its server answer, or does its database fit the installed version?"""

import os
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from components.core.base.errors import UserError
from components.core.base.http import Auth, Response, request
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

_SUBJECT = "MLflow"
_DATABASE = "MLflow's database"
_SQLITE = "sqlite:///"
_API = "api/2.0/mlflow"


def check_mlflow() -> Findings:
    """Check the store that MLFLOW_TRACKING_URI names, or else the workspace's own store."""
    from components.core.tracking.mlflow_address import tracking_uri

    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        yield from _check_server(uri.rstrip("/"))
    elif "://" in uri and not uri.startswith("file:"):
        yield from _check_database(uri)
    else:
        remedy = "set MLFLOW_TRACKING_URI to sqlite:///…, or to the address of a database or a server"
        yield problem(_SUBJECT, f"{uri} is a folder", remedy)


def _check_server(uri: str) -> Findings:
    try:
        health = _get(f"{uri}/health")
        health.text()
    except UserError as error:
        remedy = "start it, or correct MLFLOW_TRACKING_URI; without the variable the workspace's own store is used"
        yield problem(_SUBJECT, f"{uri}: {error}", remedy)
        return
    yield ok(_SUBJECT, f"{uri} answers in {health.milliseconds:.0f} ms")
    yield _check_version(uri)
    for subject, path in (("MLflow's runs", "experiments/search"), ("MLflow's registry", "registered-models/search")):
        yield _check_endpoint(subject, f"{uri}/{_API}/{path}?max_results=1")
    yield _check_artifacts(uri)


def _check_version(uri: str) -> Finding:
    installed = metadata.version("mlflow")
    try:
        served = _get(f"{uri}/version").text()
    except UserError as error:
        return problem("MLflow's version", str(error), "see the server's log")
    if served != installed:
        remedy = f"install mlflow=={installed} there, then `mlflow db upgrade` (docs/operations.md), or {served} here"
        return warning("MLflow's version", f"the server has {served}, this machine {installed}", remedy)
    return ok("MLflow's version", f"{installed} on the server and here")


def _check_endpoint(subject: str, url: str) -> Finding:
    try:
        answer = _get(url)
        answer.json()
    except UserError as error:
        remedy = "401 or 403: MLFLOW_TRACKING_USERNAME and …_PASSWORD; 5xx: the server's log (is its database up?)"
        return problem(subject, str(error), remedy)
    return ok(subject, f"read in {answer.milliseconds:.0f} ms")


def _check_artifacts(uri: str) -> Finding:
    """Check whether the server lists artifacts; when it does not serve them, clients need access to their store."""
    try:
        answer = _get(f"{uri}/api/2.0/mlflow-artifacts/artifacts")
        if answer.status in (404, 405, 503):
            return not_used("MLflow's artifacts", "the server does not serve them: clients need rights on its store")
        answer.json()
    except UserError as error:
        remedy = "models can't be stored or fetched: see the server's log, its bucket and its keys"
        return problem("MLflow's artifacts", str(error), remedy)
    return ok("MLflow's artifacts", f"listed in {answer.milliseconds:.0f} ms")


def _get(url: str) -> Response:
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return request(url, auth=_login(), headers={"Authorization": f"Bearer {token}"} if token else None)


def _login() -> Auth:
    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    return (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else None


def _check_database(uri: str) -> Findings:
    file = Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None
    if file is not None and not file.is_file():
        yield not_used(_DATABASE, f"{file} does not exist yet: the first run makes it")
        return
    try:
        revision = _read_revision(uri)
    except Exception as error:  # whatever the driver raises
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        remedy = (
            "check the address, and that the database is up; restore a damaged one from a backup (docs/operations.md)"
        )
        yield problem(_DATABASE, f"{uri}: {reason}", remedy)
        return
    yield _compare_revision(uri, revision, _newest_revision())


def _compare_revision(uri: str, revision: str, newest: str) -> Finding:
    version = metadata.version("mlflow")
    if revision == newest:
        return ok(_DATABASE, f"{uri}, at revision {revision}, which MLflow {version} needs")
    remedy = "back it up, then `mlflow db upgrade` with its address; if it is newer than MLflow here: make setup"
    return problem(_DATABASE, f"{uri} is at revision {revision or 'none'}; MLflow {version} needs {newest}", remedy)


def _read_revision(uri: str) -> str:
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


def _newest_revision() -> str:
    """Return the revision that the installed MLflow migrates a database to, without importing MLflow."""
    from alembic.script import ScriptDirectory

    package: Any = find_spec("mlflow")
    folder = Path(package.submodule_search_locations[0]) / "store" / "db_migrations"
    return str(ScriptDirectory(str(folder)).get_current_head())
