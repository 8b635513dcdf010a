"""Whether registry and journal agree about the live version; this only reads, components/promote repairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import mlflow
from mlflow.exceptions import MlflowException

from components.core.base.errors import UserError
from components.core.models.registry_names import NOT_FOUND_CODES
from components.core.release.journal import ENTRY_TAG, JOURNAL_VARIABLE, JournalEntry
from components.core.tracking import mlflow_runs


@dataclass(frozen=True)
class RegistryState:
    """What the registry holds about a model.

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


def read_registry_state(client: mlflow.MlflowClient, name: str, alias: str, last: JournalEntry | None) -> RegistryState:
    """Read the state of the model `name`; `last` is the journal's last entry about it."""
    found = client.search_registered_models(f"name = '{name}'")
    mismatch = registry_mismatch(client, last) if last else ""
    if not found:
        return RegistryState(0, "", mismatch)
    return RegistryState(int(found[0].aliases.get(alias, 0)), found[0].tags.get(ENTRY_TAG, ""), mismatch)


def compare_with_journal(state: RegistryState, entries: Sequence[JournalEntry], alias: str) -> Disagreement | None:
    """Return how the registry disagrees with the journal's `entries` about the model; None where both agree."""
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
    try:
        client.get_model_version(name, str(version))
    except MlflowException as error:
        if error.error_code not in NOT_FOUND_CODES:
            raise UserError(
                f"the registry at {mlflow_runs.store_address()} does not answer: {mlflow_runs.error_reason(error)}"
            ) from None
        return False
    return True
