"""The journal and the aliases of a model: every change is written to the journal first, then the aliases follow.

A process that is killed in between leaves aliases that lag behind; the next one finishes its work. The registered model
carries the number and digest of the entry that its aliases follow. This tells an alias that lags from one that a person
moved, and it shows when the journal's last entry was changed or deleted. docs/decisions/0015-promotion-journal.md.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from components.core.base.errors import UserError
from components.core.release.journal import ENTRY_TAG, EntryKind, Journal, JournalEntry, open_journal
from components.core.release.registry_consistency import (
    Disagreement,
    RegistryState,
    champion_version,
    compare_with_journal,
    is_registered,
    registry_mismatch,
)
from components.core.release.registry_sections import PromoteConfig
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


def _set(method: Callable[..., None], *values: str) -> None:
    """Set an alias or a tag with a method of MLflow's client.

    MLflow looks for the row, then inserts or updates it. Two processes that set a new one at once collide in its
    database. Then the row exists, so this process sets it again.
    """
    try:
        method(*values)
    except MlflowException as error:
        if "unique constraint" not in str(error).lower():
            raise
        method(*values)


def _set_aliases(client: mlflow.MlflowClient, config: PromoteConfig, entry: JournalEntry) -> None:
    """Set the aliases, then the version's tags, and last the model's tag: it says that the entry is followed."""
    name, version, before = entry.name, str(entry.version), str(entry.before)
    if entry.version:
        _set(client.set_registered_model_alias, name, config.alias, version)
        _set(client.set_model_version_tag, name, version, "promoted_at", entry.time)
        _set(client.set_model_version_tag, name, version, ENTRY_TAG, str(entry.number))
        client.delete_model_version_tag(name, version, ROLLED_BACK_TAG)
        client.delete_model_version_tag(name, version, REFUSED_TAG)
    elif champion_version(client, name, config.alias) is not None:
        client.delete_registered_model_alias(name, config.alias)
    if entry.before and is_registered(client, name, entry.before):
        _set(client.set_registered_model_alias, name, config.previous, before)
        if entry.kind == "rollback":
            _set(client.set_model_version_tag, name, before, ROLLED_BACK_TAG, f"{entry.time}: {entry.why}")
    try:
        _set(client.set_registered_model_tag, name, ENTRY_TAG, f"{entry.number} {entry.digest}")
    except MlflowException as error:
        # a new registry does not have the model yet: no version is live, and there is nothing to tag
        if entry.version or error.error_code not in mlflow_runs.NOT_FOUND_CODES:
            raise


_SETTLING_SECONDS = 1.0
"""An alias that disagrees with the journal for this long was moved by a person, not by a promotion under way."""


@dataclass(frozen=True)
class _State:
    """The state of a model in registry and journal; a version or number of 0 means none.

    live          the version at the alias
    followed      the number of the entry that the aliases follow
    entries       the journal's entries about the model
    disagreement  between registry and journal
    """

    live: int
    followed: int
    entries: tuple[JournalEntry, ...]
    disagreement: Disagreement | None

    @property
    def version(self) -> int:
        """The live version by the journal."""
        return self.entries[-1].version if self.entries else 0

    @property
    def lags(self) -> bool:
        """Whether the aliases do not follow the last entry yet."""
        return bool(self.entries) and self.followed < self.entries[-1].number

    @property
    def alias_was_moved(self) -> bool:
        """Whether the alias is at a version that no entry explains."""
        if not self.lags or (not self.version and self.entries[-1].kind == "adoption"):
            return self.live != self.version
        being_promoted = {entry.version for entry in self.entries if entry.number >= self.followed}
        return self.live not in being_promoted | {self.entries[-1].before}


@dataclass(frozen=True)
class LiveModel:
    """A registered model, its registry and its journal."""

    client: mlflow.MlflowClient
    config: PromoteConfig
    name: str
    journal: Journal

    def entries(self) -> list[JournalEntry]:
        """Return the journal's entries about this model."""
        return self.journal.entries_of(self.name)

    def settle(self) -> int:
        """Make journal and aliases agree; return the live version (0: none).

        A promotion that was killed before it moved the aliases is finished. An alias that a person moved is written
        to the journal, once it has stayed so for a moment: a promotion under way may just be moving it. An alias that
        was deleted is set again. Raises UserError when journal and registry do not belong together.
        """
        state = self._require_state()
        while state.alias_was_moved:
            time.sleep(_SETTLING_SECONDS)
            before, state = state, self._require_state()
            if state == before and state.live:
                return self._adopt(state).version
            if state == before:
                return self._set_lost_alias(state)
        if state.lags:
            follow_journal(self.client, self.config, self.journal, state.entries[-1])
        return state.version

    def _set_lost_alias(self, state: _State) -> int:
        """Set the alias that the registry lost: without it, a worse version could pass the gate of a first champion."""
        _set_aliases(self.client, self.config, state.entries[-1])
        return state.version

    def adopt_registry(self) -> None:
        """Write to the journal which version the registry's alias points to, unless the journal says the same."""
        state = self._read_state()
        if state.live != state.version or (state.disagreement and state.disagreement.blocks):
            self._adopt(state)

    def make_live(
        self, kind: EntryKind, version: int, why: str, evidence: Mapping[str, Any], expected: int
    ) -> JournalEntry:
        """Make `version` live in place of version `expected`; raises UserError when it is not registered.

        Version 0 stands for no version: then the shipped model is in use.
        """
        if version and not is_registered(self.client, self.name, version):
            raise UserError(
                f"version {version} of {self.name} is not in the registry at {mlflow_runs.store_address()}: "
                "register and judge it again with `stemline run`"
            )
        return self._write(kind, version, why, evidence, expected)

    def _adopt(self, state: _State) -> JournalEntry:
        where = f"at version {state.live}" if state.live else "deleted"
        why = f"@{self.config.alias} was found {where}: a person moved it, or it is older than the journal"
        return self._write("adoption", state.live, why, {}, state.version)

    def _write(
        self, kind: EntryKind, version: int, why: str, evidence: Mapping[str, Any], expected: int
    ) -> JournalEntry:
        entry = self.journal.append(kind, self.name, version, why, evidence, expected)
        follow_journal(self.client, self.config, self.journal, entry)
        return entry

    def _require_state(self) -> _State:
        """Read the state; raises UserError when journal and registry do not belong together."""
        state = self._read_state()
        if state.disagreement and state.disagreement.blocks:
            place = f"{self.name}, journal at {self.journal.address}"
            raise UserError(f"{place}: {state.disagreement.problem}: {state.disagreement.remedy}")
        return state

    def _read_state(self) -> _State:
        """Read the registry, then the journal.

        A promotion writes the journal before it moves the aliases: read in this order, the journal is never behind.
        """
        tag = read_followed_entry(self.client, self.name)
        live = champion_version(self.client, self.name, self.config.alias) or 0
        entries = self.entries()
        reason = registry_mismatch(self.client, entries[-1]) if entries else ""
        found = compare_with_journal(RegistryState(live, tag, reason), entries, self.config.alias)
        return _State(live, int(tag.partition(" ")[0] or 0), tuple(entries), found)


def open_live_model(config: PromoteConfig, name: str) -> LiveModel:
    """Open registry and journal of the registered model `name`."""
    return LiveModel(mlflow_runs.connect(), config, name, open_journal(config.journal))
