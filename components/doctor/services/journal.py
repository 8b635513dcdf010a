"""The journal of promotions: is it whole, and does the registry agree with it?"""

import os
import time
from typing import Any

from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.core.release.journal import PLACE, Entry, Journal, open_journal
from components.core.tracking.mlflow_store import store_exists, tracking_uri
from components.doctor.finding import Finding, Findings, Status, not_used, ok, problem, warning
from components.doctor.project.params import schema_of
from components.doctor.services.mlflow_store import check_mlflow

_JOURNAL, _BOTH = "journal", "journal and registry"

_MOMENT = 2.0
"""Seconds after which what does not agree is no promotion that is just under way."""

_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


def check_journal() -> Findings:
    """Read all entries, and compare the last one with the registry."""
    try:
        promote: Any = load_section("promote", schema_of("promote"))
        register: Any = load_section("register", schema_of("register"))
    except UserError:
        yield not_used(_JOURNAL, "params.yaml does not say where it lies: see there")
        return
    said_by = PLACE if os.environ.get(PLACE) else "promote.journal"
    try:
        journal = open_journal(promote.journal)
        count = len(journal.entries())
    except (UserError, OSError) as error:
        yield problem(_JOURNAL, str(error), f"nothing is promoted until it can be read; {said_by} says where it lies")
        return
    yield ok(_JOURNAL, f"{journal.address} ({said_by}): {f'{count} entries, whole' if count else 'no entry yet'}")
    if any(finding.status is Status.PROBLEM for finding in check_mlflow()):
        yield not_used(_BOTH, "not compared, since MLflow does not work: see there")
        return
    try:
        yield _compared(journal, register.name, promote.alias)
    except UserError as error:
        yield problem(_BOTH, str(error), "see the server's log")


def _compared(journal: Journal, name: str, alias: str) -> Finding:
    """Look once, and where they do not agree once more a moment later."""
    from components.core.release.registry_consistency import disagreement

    for pause in (_MOMENT, 0.0):
        entries = journal.of(name)
        last = entries[-1] if entries else None
        found = disagreement(_registered(name, alias, last), entries, alias)
        if found is None:
            version = last.version if last else 0
            return ok(_BOTH, f"version {version} of {name} is live" if version else f"no version of {name} is live")
        time.sleep(pause)
    assert found is not None
    return (problem if found.blocks else warning)(_BOTH, found.seen, found.do)


def _registered(name: str, alias: str, last: Entry | None) -> Any:
    """Ask the registry, without making one."""
    import mlflow
    from mlflow.exceptions import MlflowException

    from components.core.release.registry_consistency import Registered, read_registered
    from components.core.tracking import mlflow_runs

    if not store_exists():
        return Registered(0, "", "has no such version" if last and last.version else "")
    os.environ.update(_PATIENCE)
    uri = tracking_uri()
    try:
        return read_registered(mlflow.MlflowClient(uri, uri), name, alias, last)
    except MlflowException as error:
        raise UserError(
            f"the registry at {mlflow_runs.store_address()} does not answer: {mlflow_runs.error_reason(error)}"
        ) from None
