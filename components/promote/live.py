"""Which version is live: the journal's word, and the registry's aliases, which follow it.

An entry is written first, then the aliases are moved; whoever comes next finishes what was killed in between. The
registered model is tagged with the entry that its aliases stand for: so an alias that somebody moved by hand is told
from one that lags behind, and a last entry that was changed or taken away shows. docs/decisions/0015.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import mlflow
from mlflow.exceptions import MlflowException

from components.core.base.errors import UserError
from components.core.models.registry_names import NOT_FOUND_CODES
from components.core.release.champion import champion_version
from components.core.release.journal import ENTRY, PLACE, Entry, Journal, Kind
from components.core.release.registry_consistency import is_registered, misfit
from components.core.release.version import NOT_APPROVED, TAKEN_BACK
from components.core.tracking import mlflow_runs
from components.promote.config import PromoteConfig

_MOMENT = 1.0
"""Seconds after which an alias that the journal does not explain was moved by hand, and not by one that is slow."""


@dataclass(frozen=True)
class _Seen:
    """What registry and journal say of a model: `followed` is the last entry that the aliases were set for (0: none).

    The registry is read first: so the journal, which is written before the aliases move, is never behind it.
    """

    followed: int
    live: int
    entries: tuple[Entry, ...]

    @property
    def lags(self) -> bool:
        """The aliases were not yet set for the last entry."""
        return bool(self.entries) and self.followed < self.entries[-1].number

    @property
    def moved(self) -> bool:
        """The alias is where the journal did not put it."""
        if not self.entries:
            return bool(self.live)
        last = self.entries[-1]
        if not self.lags or not last.version:
            return self.live != last.version
        on_the_way = {entry.version for entry in self.entries if entry.number >= self.followed}
        return self.live not in on_the_way | {last.before}


def settled(client: mlflow.MlflowClient, config: PromoteConfig, name: str, journal: Journal) -> int:
    """Return the live version (0: none), once journal and aliases say the same.

    A change that was killed before it had moved the aliases is finished; an alias that was moved by hand is written
    down, once it stayed so for a moment: another that is slow may just be moving it.
    Raises UserError where journal and registry cannot belong together.
    """
    seen = _look(client, config, name, journal)
    while seen.moved:
        time.sleep(_MOMENT)
        before, seen = seen, _look(client, config, name, journal)
        if seen == before:
            return adopt(client, config, name, journal, seen.live).version
    if seen.lags:
        point(client, config, journal, seen.entries[-1])
        return seen.entries[-1].version
    return seen.live


def adopt(client: mlflow.MlflowClient, config: PromoteConfig, name: str, journal: Journal, live: int) -> Entry:
    """Write down that the alias was found at version `live` (0: at none), without the journal's doing."""
    entries = journal.of(name)
    where = f"at version {live}" if live else "taken away"
    why = f"@{config.alias} was found {where}: set by hand, or before there was a journal"
    entry = journal.append("adoption", name, live, why, {}, entries[-1].version if entries else 0)
    point(client, config, journal, entry)
    return entry


def change(
    client: mlflow.MlflowClient, config: PromoteConfig, journal: Journal, kind: Kind, name: str, version: int,
    why: str, evidence: Mapping[str, Any], expected: int,
) -> Entry:  # fmt: skip
    """Make `version` live in place of the `expected` one: the journal first, then the aliases."""
    if not is_registered(client, name, version):
        raise UserError(
            f"version {version} of {name} is not in the registry at {mlflow_runs.store_address()}: "
            "register and judge it again with `stemline run`"
        )
    entry = journal.append(kind, name, version, why, evidence, expected)
    point(client, config, journal, entry)
    return entry


def point(client: mlflow.MlflowClient, config: PromoteConfig, journal: Journal, entry: Entry) -> None:
    """Have aliases and tags say what the journal's last entry says.

    Whoever was slow to do so looks again, before and after: meanwhile another may have written the next entry and moved
    them further.
    """
    while True:
        later = {f"{one.number} {one.digest}" for one in journal.of(entry.name) if one.number > entry.number}
        if remembered(client, entry.name) not in later:
            _follow(client, config, entry)
        last = journal.of(entry.name)[-1]
        if last.number == entry.number:
            return
        entry = last


def _follow(client: mlflow.MlflowClient, config: PromoteConfig, entry: Entry) -> None:
    """Move the aliases, then the tags; last the one that says that all of it is done."""
    name, version, before = entry.name, str(entry.version), str(entry.before)
    if entry.version:
        client.set_registered_model_alias(name, config.alias, version)
        client.set_model_version_tag(name, version, "promoted_at", entry.time)
        client.set_model_version_tag(name, version, ENTRY, str(entry.number))
        client.delete_model_version_tag(name, version, TAKEN_BACK)
        client.delete_model_version_tag(name, version, NOT_APPROVED)
    if entry.before and is_registered(client, name, entry.before):
        client.set_registered_model_alias(name, config.previous, before)
        if entry.kind == "rollback":
            client.set_model_version_tag(name, before, TAKEN_BACK, f"{entry.time}: {entry.why}")
    try:
        client.set_registered_model_tag(name, ENTRY, f"{entry.number} {entry.digest}")
    except MlflowException as error:
        # a registry that does not know the model yet, as after a move to another: nothing is live, and nothing to tag
        if entry.version or error.error_code not in NOT_FOUND_CODES:
            raise


def _look(client: mlflow.MlflowClient, config: PromoteConfig, name: str, journal: Journal) -> _Seen:
    """Read the registry, then the journal; raises UserError where they cannot belong together."""
    tag = remembered(client, name)
    live = champion_version(client, name, config.alias) or 0
    entries = journal.of(name)
    if entries:
        _require_its_registry(client, journal, entries[-1])
    elif tag:
        _refuse_an_empty_journal(journal, name, tag)
    number, _, digest = tag.partition(" ")
    followed = int(number or 0)
    if digest and digest not in {entry.digest for entry in entries if entry.number == followed}:
        raise UserError(
            f"entry {number} of the journal at {journal.address} is missing, or is not the one that the registry "
            "remembers: the journal was changed or lost a file; restore it from a backup"
        )
    return _Seen(followed, live, tuple(entries))


def remembered(client: mlflow.MlflowClient, name: str) -> str:
    """Return number and digest of the entry that the aliases were set for last; empty where there was none."""
    try:
        return str(client.get_registered_model(name).tags.get(ENTRY, ""))
    except MlflowException as error:
        if error.error_code not in NOT_FOUND_CODES:
            raise UserError(
                f"the registry at {mlflow_runs.store_address()} does not answer: {mlflow_runs.error_reason(error)}"
            ) from None
        return ""  # nothing is registered yet


def _require_its_registry(client: mlflow.MlflowClient, journal: Journal, last: Entry) -> None:
    """Raise UserError where the registry lacks the live version: another registry must not be written down as this."""
    what = misfit(client, last)
    if what:
        raise UserError(
            f"the journal at {journal.address} says that version {last.version} of {last.name} is live, and the "
            f"registry at {mlflow_runs.store_address()} {what}: set MLFLOW_TRACKING_URI to the registry that "
            "has it; or, if it was deleted, `stemline repair --adopt`"
        )


def _refuse_an_empty_journal(journal: Journal, name: str, tag: str) -> NoReturn:
    """Raise UserError: the aliases were set by a journal, and this one knows nothing of the model."""
    raise UserError(
        f"the journal at {journal.address} has no entry about {name}, "
        f"and the registry at {mlflow_runs.store_address()} remembers entry {tag.partition(' ')[0]} of one: "
        f"set promote.journal (or {PLACE}) to where that lies, "
        "one place for all machines, or restore it from a backup; if it is lost, `stemline repair --adopt` begins "
        "another"
    )
