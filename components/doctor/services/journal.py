"""Check of the journal of promotions: is it whole, and does the registry agree with it?"""

import os
import time
from typing import TYPE_CHECKING

from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.core.release.journal import JOURNAL_VARIABLE, Journal, JournalEntry, open_journal
from components.core.release.registry_sections import PromoteConfig, RegisterConfig, load_model_name
from components.core.tracking.mlflow_address import store_exists, tracking_uri
from components.doctor.finding import Finding, Findings, Status, not_used, ok, problem, warning
from components.doctor.services.mlflow_store import check_mlflow

if TYPE_CHECKING:
    from components.core.release.registry_consistency import RegistryState

_JOURNAL, _REGISTRY = "journal", "journal and registry"

SETTLING_SECONDS = 2.0
"""A promotion under way makes journal and registry agree within this time."""

_SHORT_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


def check_journal() -> Findings:
    """Read all entries, and compare the last one about each model of the project with the registry."""
    try:
        promote = load_section("promote", PromoteConfig)
        names = dict.fromkeys((load_model_name(), load_section("register", RegisterConfig).name))
    except UserError:
        yield not_used(_JOURNAL, "params.yaml does not say where it lies: see the finding about params.yaml")
        return
    setting = JOURNAL_VARIABLE if os.environ.get(JOURNAL_VARIABLE) else "promote.journal"
    try:
        journal = open_journal(promote.journal)
        count = len(journal.entries())
    except (UserError, OSError) as error:
        yield problem(_JOURNAL, str(error), f"until it is readable nothing is promoted; {setting} says where it lies")
        return
    yield ok(_JOURNAL, f"{journal.address} ({setting}): {f'{count} entries, whole' if count else 'no entry yet'}")
    if any(finding.status is Status.PROBLEM for finding in check_mlflow()):
        yield not_used(_REGISTRY, "not compared, since MLflow does not work: see the finding about MLflow")
        return
    for name in names:
        try:
            yield _compare_registry(journal, name, promote.alias)
        except UserError as error:
            yield problem(_REGISTRY, str(error), "see the server's log")


def _compare_registry(journal: Journal, name: str, alias: str) -> Finding:
    """Compare once; when they disagree, compare again after a moment."""
    if not store_exists() and not journal.entries_of(name):
        return _agreement(name, 0)
    # imported here: MLflow takes seconds
    from components.core.release.registry_consistency import compare_with_journal

    for pause in (SETTLING_SECONDS, 0.0):
        entries = journal.entries_of(name)
        last = entries[-1] if entries else None
        found = compare_with_journal(_read_registry(name, alias, last), entries, alias)
        if found is None:
            return _agreement(name, last.version if last else 0)
        time.sleep(pause)
    assert found is not None
    return (problem if found.blocks else warning)(_REGISTRY, found.problem, found.remedy)


def _agreement(name: str, version: int) -> Finding:
    return ok(_REGISTRY, f"version {version} of {name} is live" if version else f"no version of {name} is live")


def _read_registry(name: str, alias: str, last: JournalEntry | None) -> "RegistryState":
    """Read the registry's state; never create a registry."""
    import mlflow

    from components.core.release.registry_consistency import RegistryState, read_registry_state

    if not store_exists():
        return RegistryState(0, "", "has no such version" if last and last.version else "")
    os.environ.update(_SHORT_PATIENCE)
    uri = tracking_uri()
    return read_registry_state(mlflow.MlflowClient(uri, uri), name, alias, last)
