"""Which version is live: the journal's word, and the registry's alias, which follows it.

An entry is written first, then the alias is moved; whoever comes next finishes what was killed in between. The alias is
tagged with the entry that it stands for, so an alias that somebody moved by hand is told from one that lags behind.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from components.core import tracking
from components.core.errors import UserError
from components.core.journal import Entry, Journal, Kind
from components.core.model_store import NOT_THERE
from components.core.stores.bucket import S3
from components.core.stores.opening import open_store
from components.core.workspace import SHARED
from components.promote.config import PromoteConfig
from components.promote.promote import champion_version

_TAG = "journal.entry"


def open_journal(config: PromoteConfig) -> Journal:
    """Return the journal that the parameters name."""
    if config.journal.startswith(S3):
        return Journal(open_store(config.journal))
    return Journal(open_store(str(SHARED / Path(config.journal))))


def settled(client: mlflow.MlflowClient, config: PromoteConfig, name: str, journal: Journal) -> int:
    """Return the live version (0: none), once journal and alias say the same.

    A promotion that was killed before it had moved the alias is finished; an alias that was moved by hand is written
    down.
    """
    entries = [entry for entry in journal.entries() if entry.name == name]
    live = champion_version(client, name, config.alias) or 0
    if entries and live != entries[-1].version and _followed(client, name) < entries[-1].number:
        point(client, config, entries[-1])
        return entries[-1].version
    if live != (entries[-1].version if entries else 0):
        why = f"@{config.alias} was found at version {live}: set by hand or before there was a journal"
        entry = journal.append("adoption", name, live, why, {}, entries[-1].version if entries else 0)
        _follow(client, name, entry.number)
    return live


def change(
    client: mlflow.MlflowClient, config: PromoteConfig, journal: Journal, kind: Kind, name: str, version: int,
    why: str, evidence: Mapping[str, Any], expected: int,
) -> Entry:  # fmt: skip
    """Make `version` live in place of the `expected` one: the journal first, then the aliases."""
    entry = journal.append(kind, name, version, why, evidence, expected)
    point(client, config, entry)
    return entry


def point(client: mlflow.MlflowClient, config: PromoteConfig, entry: Entry) -> None:
    """Have the aliases say what the journal's entry says."""
    try:
        client.set_registered_model_alias(entry.name, config.alias, str(entry.version))
        if entry.before:
            client.set_registered_model_alias(entry.name, config.previous, str(entry.before))
    except MlflowException as error:
        if error.error_code not in NOT_THERE:
            raise
        raise UserError(
            f"version {entry.version} of {entry.name} is not in the registry at {tracking.tracking_uri()}: "
            "register and judge it again with `stemline run`"
        ) from None
    now = datetime.now(UTC).isoformat(timespec="seconds")
    client.set_model_version_tag(entry.name, str(entry.version), "promoted_at", now)
    _follow(client, entry.name, entry.number)


def _followed(client: mlflow.MlflowClient, name: str) -> int:
    """Return the number of the last entry that the aliases were set for."""
    return int(client.get_registered_model(name).tags.get(_TAG, "0"))


def _follow(client: mlflow.MlflowClient, name: str, number: int) -> None:
    client.set_registered_model_tag(name, _TAG, str(number))
