"""The registry's aliases and tags follow the journal: nothing else in Stemline moves them."""

import mlflow
from mlflow.exceptions import MlflowException

from components.core.release.journal import ENTRY_TAG, Journal, JournalEntry
from components.core.release.registry_consistency import is_registered
from components.core.release.sections import PromoteConfig
from components.core.release.version import REFUSED_TAG, ROLLED_BACK_TAG
from components.core.tracking import mlflow_runs


def read_followed_entry(client: mlflow.MlflowClient, name: str) -> str:
    """Return number and digest of the journal entry that the aliases follow; empty before the first one."""
    found = mlflow_runs.ask_registry(lambda: client.get_registered_model(name))
    return "" if found is None else str(found.tags.get(ENTRY_TAG, ""))


def follow_journal(client: mlflow.MlflowClient, config: PromoteConfig, journal: Journal, entry: JournalEntry) -> None:
    """Set aliases and tags to what the journal's last entry says, starting from `entry`.

    Another process may write the next entry and move the aliases meanwhile. So this one looks at the registry before it
    moves anything, and at the journal afterwards.
    """
    while True:
        later = {f"{one.number} {one.digest}" for one in journal.entries_of(entry.name) if one.number > entry.number}
        if read_followed_entry(client, entry.name) not in later:
            _set_aliases(client, config, entry)
        last = journal.entries_of(entry.name)[-1]
        if last.number == entry.number:
            return
        entry = last


def _set_aliases(client: mlflow.MlflowClient, config: PromoteConfig, entry: JournalEntry) -> None:
    """Set the aliases, then the version's tags, and last the model's tag: it says that the entry is followed."""
    name, version, before = entry.name, str(entry.version), str(entry.before)
    if entry.version:
        client.set_registered_model_alias(name, config.alias, version)
        client.set_model_version_tag(name, version, "promoted_at", entry.time)
        client.set_model_version_tag(name, version, ENTRY_TAG, str(entry.number))
        client.delete_model_version_tag(name, version, ROLLED_BACK_TAG)
        client.delete_model_version_tag(name, version, REFUSED_TAG)
    if entry.before and is_registered(client, name, entry.before):
        client.set_registered_model_alias(name, config.previous, before)
        if entry.kind == "rollback":
            client.set_model_version_tag(name, before, ROLLED_BACK_TAG, f"{entry.time}: {entry.why}")
    try:
        client.set_registered_model_tag(name, ENTRY_TAG, f"{entry.number} {entry.digest}")
    except MlflowException as error:
        # a new registry does not have the model yet: no version is live, and there is nothing to tag
        if entry.version or error.error_code not in mlflow_runs.NOT_FOUND_CODES:
            raise
