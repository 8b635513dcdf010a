"""The live version in the registry, and whether the journal agrees; this only reads, components/promote repairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mlflow

from components.core.base.params import PARAMS, load_section
from components.core.release.journal import ENTRY_TAG, JOURNAL_VARIABLE, JournalEntry, open_journal
from components.core.release.registry_sections import PromoteConfig, load_model_name
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_address import store_exists


@dataclass(frozen=True)
class RegistryState:
    """The state of a model in the registry.

    version          the version at the alias; 0 for none
    followed_entry   number and SHA-256 of the journal's entry for which the aliases were set; empty for none
    mismatch         why the registry can't be the one that the journal's last entry is about; empty where it can be
    """

    version: int
    followed_entry: str
    mismatch: str


@dataclass(frozen=True)
class Disagreement:
    """A disagreement and its remedy, without full stops; where it `blocks`, no promotion is possible before."""

    problem: str
    remedy: str
    blocks: bool


def champion_version(client: mlflow.MlflowClient, name: str, alias: str) -> int | None:
    """Return the version that the alias points to; None when the registry has no such model or no such alias.

    Raises UserError when the registry does not answer: it must not pass for a registry without a champion, because the
    gate would then apply its easiest rule.
    """
    found = mlflow_runs.ask_registry(
        lambda: client.get_model_version_by_alias(name, alias), f"say who is @{alias}"
    )  # fmt: skip
    return None if found is None else int(found.version)


def find_disagreement(params: Path = PARAMS) -> Disagreement | None:
    """Return the disagreement of journal and registry about the model that `params` names; None if they agree.

    Creates neither of them when both are missing, as before the first run. Raises UserError when one can't be read.
    """
    name, promote = load_model_name(params), load_section("promote", PromoteConfig, params)
    entries = open_journal(promote.journal).entries_of(name)
    if not entries and not store_exists():
        return None
    last = entries[-1] if entries else None
    return compare_with_journal(
        read_registry_state(mlflow_runs.connect(), name, promote.alias, last), entries, promote.alias
    )


def read_registry_state(client: mlflow.MlflowClient, name: str, alias: str, last: JournalEntry | None) -> RegistryState:
    """Read the state of the model `name`; `last` is the journal's last entry about it. Raises UserError if it can't."""
    found = mlflow_runs.ask_registry(lambda: client.search_registered_models(f"name = '{name}'"))
    mismatch = registry_mismatch(client, last) if last else ""
    if not found:
        return RegistryState(0, "", mismatch)
    return RegistryState(int(found[0].aliases.get(alias, 0)), found[0].tags.get(ENTRY_TAG, ""), mismatch)


def compare_with_journal(state: RegistryState, entries: Sequence[JournalEntry], alias: str) -> Disagreement | None:
    """Return the disagreement of the registry with the journal's `entries` about the model; None where both agree."""
    number, _, digest = state.followed_entry.partition(" ")
    at_alias = f"@{alias} is at version {state.version}" if state.version else f"nothing is at @{alias}"
    if not entries:
        return _disagree_without_entries(number, at_alias if state.version else "")
    last = entries[-1]
    if state.mismatch:
        return Disagreement(
            f"The journal says that version {last.version} is live, and the registry at {mlflow_runs.store_address()} "
            f"{state.mismatch}",
            "set MLFLOW_TRACKING_URI to the registry that has it; or, if it was deleted, `stemline repair --adopt`",
            True,
        )
    if digest and digest not in {entry.digest for entry in entries if entry.number == int(number)}:
        return Disagreement(
            f"The registry follows entry {number} of the journal, which is missing or was replaced",
            "restore the journal from a backup",
            True,
        )
    if last.version and not state.version and state.followed_entry == f"{last.number} {last.digest}":
        return Disagreement(
            f"The journal says that version {last.version} is live, and the registry has lost @{alias}",
            "`stemline repair` sets it again; `stemline repair --adopt` accepts that no version is live",
            False,
        )
    if state.version != last.version:
        live = f"version {last.version} is live" if last.version else "nothing is live"
        return Disagreement(
            f"The journal says that {live}, and in the registry {at_alias}, which `stemline separate` takes (a "
            "promotion was killed halfway, or the alias was moved by hand)",
            "`stemline repair` makes them agree",
            False,
        )
    if state.followed_entry != f"{last.number} {last.digest}":
        return Disagreement(
            f"The registry does not follow entry {last.number} of the journal, the last one (a promotion was killed "
            "halfway)",
            "`stemline repair` finishes it",
            False,
        )
    return None


def _disagree_without_entries(followed: str, at_alias: str) -> Disagreement | None:
    if followed:
        return Disagreement(
            f"The journal has no entry about the model, and the registry follows entry {followed} of another journal",
            f"set promote.journal (or {JOURNAL_VARIABLE}) to that journal, or restore it from a backup; if it is lost, "
            "`stemline repair --adopt` begins another",
            True,
        )
    if at_alias:
        return Disagreement(
            f"In the registry {at_alias}, and the journal has no entry about it",
            "`stemline repair` writes one",
            False,
        )
    return None


def registry_mismatch(client: mlflow.MlflowClient, last: JournalEntry) -> str:
    """Return why the registry can't be the one that the last entry is about; empty where it can be.

    A version with the same number and other weights is another version: a restored database numbers anew.
    """
    if not last.version:
        return ""
    if not is_registered(client, last.name, last.version):
        return "has no such version"
    written = last.evidence.get("sha256")
    found = client.get_model_version(last.name, str(last.version)).tags.get("sha256")
    return "has one with other weights" if written and found and written != found else ""


def is_registered(client: mlflow.MlflowClient, name: str, version: int) -> bool:
    """Return whether the registry has the version; raises UserError when the registry does not answer."""
    return mlflow_runs.ask_registry(lambda: client.get_model_version(name, str(version))) is not None
