"""The live version of a registered model: every change is written to the journal first, then the aliases follow.

A process that is killed in between leaves aliases that lag behind; the next one finishes its work. The registered model
carries the number and digest of the entry that its aliases follow. This tells an alias that lags from one that a person
moved, and it shows when the journal's last entry was changed or deleted. docs/decisions/0015.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mlflow

from components.core.base.errors import UserError
from components.core.release.champion import champion_version
from components.core.release.journal import PLACE, Entry, Journal, Kind, open_journal
from components.core.release.registry_consistency import is_registered, misfit
from components.core.release.sections import PromoteConfig
from components.core.tracking import mlflow_runs
from components.promote.aliases import follow_journal, read_followed_entry

_SETTLING_SECONDS = 1.0
"""An alias that disagrees with the journal for this long was moved by a person, not by a promotion under way."""


@dataclass(frozen=True)
class _State:
    """What registry and journal say of a model; a version or number of 0 means none.

    followed   the number of the entry that the aliases follow
    live       the version at the alias
    entries    the journal's entries about the model
    """

    followed: int
    live: int
    entries: tuple[Entry, ...]

    @property
    def lags(self) -> bool:
        """Whether the aliases do not follow the last entry yet."""
        return bool(self.entries) and self.followed < self.entries[-1].number

    @property
    def alias_was_moved(self) -> bool:
        """Whether the alias is at a version that no entry explains."""
        if not self.entries:
            return bool(self.live)
        last = self.entries[-1]
        if not self.lags or not last.version:
            return self.live != last.version
        being_promoted = {entry.version for entry in self.entries if entry.number >= self.followed}
        return self.live not in being_promoted | {last.before}


@dataclass(frozen=True)
class LiveModel:
    """A registered model, its registry and its journal."""

    client: mlflow.MlflowClient
    config: PromoteConfig
    name: str
    journal: Journal

    def entries(self) -> list[Entry]:
        """Return the journal's entries about this model."""
        return self.journal.of(self.name)

    def settle(self) -> int:
        """Make journal and aliases agree; return the live version (0: none).

        A promotion that was killed before it moved the aliases is finished. An alias that a person moved is written
        to the journal, once it has stayed so for a moment: a promotion under way may just be moving it.
        Raises UserError when journal and registry do not belong together.
        """
        state = self._read_state()
        while state.alias_was_moved:
            time.sleep(_SETTLING_SECONDS)
            before, state = state, self._read_state()
            if state == before:
                return self.adopt(state.live).version
        if state.lags:
            follow_journal(self.client, self.config, self.journal, state.entries[-1])
            return state.entries[-1].version
        return state.live

    def adopt(self, live: int) -> Entry:
        """Write to the journal that the alias was found at version `live` (0: at none)."""
        entries = self.entries()
        where = f"at version {live}" if live else "deleted"
        why = f"@{self.config.alias} was found {where}: a person moved it, or it is older than the journal"
        return self._write("adoption", live, why, {}, entries[-1].version if entries else 0)

    def make_live(self, kind: Kind, version: int, why: str, evidence: Mapping[str, Any], expected: int) -> Entry:
        """Make `version` live in place of version `expected`; raises UserError when it is not registered."""
        if not is_registered(self.client, self.name, version):
            raise UserError(
                f"version {version} of {self.name} is not in the registry at {mlflow_runs.store_address()}: "
                "register and judge it again with `stemline run`"
            )
        return self._write(kind, version, why, evidence, expected)

    def is_settled(self) -> bool:
        """Return whether journal and registry agree already."""
        entries, live = self.entries(), self.version_at_alias()
        followed = read_followed_entry(self.client, self.name)
        if not entries:
            return not live and not followed
        is_known = not followed or followed in {f"{entry.number} {entry.digest}" for entry in entries}
        return is_known and entries[-1].version == live and not misfit(self.client, entries[-1])

    def version_at_alias(self) -> int:
        """Return the version that the registry's alias points to; 0 when there is none."""
        return champion_version(self.client, self.name, self.config.alias) or 0

    def _write(self, kind: Kind, version: int, why: str, evidence: Mapping[str, Any], expected: int) -> Entry:
        entry = self.journal.append(kind, self.name, version, why, evidence, expected)
        follow_journal(self.client, self.config, self.journal, entry)
        return entry

    def _read_state(self) -> _State:
        """Read the registry, then the journal; raises UserError when they do not belong together.

        A promotion writes the journal before it moves the aliases: read in this order, the journal is never behind.
        """
        tag = read_followed_entry(self.client, self.name)
        live = self.version_at_alias()
        entries = self.entries()
        if entries:
            self._require_registry_of(entries[-1])
        elif tag:
            raise UserError(self._lost_journal(tag))
        number, _, digest = tag.partition(" ")
        followed = int(number or 0)
        if digest and digest not in {entry.digest for entry in entries if entry.number == followed}:
            raise UserError(
                f"entry {number} of the journal at {self.journal.address} is missing, or differs from the entry that "
                "the registry remembers: restore the journal from a backup"
            )
        return _State(followed, live, tuple(entries))

    def _require_registry_of(self, last: Entry) -> None:
        """Raise UserError when the registry lacks the live version: another registry must not be adopted as this."""
        reason = misfit(self.client, last)
        if reason:
            raise UserError(
                f"the journal at {self.journal.address} says that version {last.version} of {last.name} is live, and "
                f"the registry at {mlflow_runs.store_address()} {reason}: set MLFLOW_TRACKING_URI to the registry that "
                "has it; if that version was deleted, run `stemline repair --adopt`"
            )

    def _lost_journal(self, tag: str) -> str:
        return (
            f"the journal at {self.journal.address} has no entry about {self.name}, and the registry at "
            f"{mlflow_runs.store_address()} remembers entry {tag.partition(' ')[0]} of one: set promote.journal "
            f"(or {PLACE}) to the place of that journal, one for all machines, or restore it from a backup; "
            "if it is lost, `stemline repair --adopt` begins a new one"
        )


def open_live_model(config: PromoteConfig, name: str) -> LiveModel:
    """Open registry and journal of the registered model `name`."""
    return LiveModel(mlflow_runs.connect(), config, name, open_journal(config.journal))
