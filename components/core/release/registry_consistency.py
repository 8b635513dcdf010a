"""Whether registry and journal say the same of who is live. Nothing is changed: components/promote settles it."""

from collections.abc import Sequence
from dataclasses import dataclass

import mlflow
from mlflow.exceptions import MlflowException

from components.core.base.errors import UserError
from components.core.models.registry_names import NOT_FOUND_CODES
from components.core.release.journal import ENTRY, PLACE, Entry
from components.core.tracking import mlflow_runs


@dataclass(frozen=True)
class Registered:
    """What the registry says: the version at the alias (0: none), and the journal's entry that it has followed.

    `misfit` says why it is not the one that the journal's last entry is about; empty where it may be.
    """

    version: int
    followed: str
    misfit: str


@dataclass(frozen=True)
class Disagreement:
    """What does not agree and what to do, without full stops; `blocks` is said of what no promotion gets past."""

    seen: str
    do: str
    blocks: bool


def read_registered(client: mlflow.MlflowClient, name: str, alias: str, last: Entry | None) -> Registered:
    """Ask the registry about the model `name`, of which `last` is the journal's last entry."""
    found = client.search_registered_models(f"name = '{name}'")
    reason = misfit(client, last) if last else ""
    if not found:
        return Registered(0, "", reason)
    return Registered(int(found[0].aliases.get(alias, 0)), found[0].tags.get(ENTRY, ""), reason)


def disagreement(registered: Registered, entries: Sequence[Entry], alias: str) -> Disagreement | None:
    """Return what does not agree between the registry and the journal's `entries` of the model; None where all does."""
    number, _, digest = registered.followed.partition(" ")
    pointing = f"@{alias} is at version {registered.version}" if registered.version else f"nothing is at @{alias}"
    if not entries:
        return _without_entries(number, pointing if registered.version else "")
    last = entries[-1]
    if registered.misfit:
        return Disagreement(
            f"The journal says that version {last.version} is live, and the registry at {mlflow_runs.store_address()} "
            f"{registered.misfit}",
            "set MLFLOW_TRACKING_URI to the registry that has it; or, if it was deleted, `stemline repair --adopt`",
            True,
        )
    if digest and digest not in {entry.digest for entry in entries if entry.number == int(number)}:
        return Disagreement(
            f"The registry remembers entry {number} of the journal, which is missing or is another one by now",
            "restore the journal from a backup",
            True,
        )
    if registered.version != last.version:
        said = f"version {last.version} is live" if last.version else "nothing is live"
        return Disagreement(
            f"The journal says that {said}, and in the registry {pointing}, which is what `stemline separate` takes (a "
            "promotion was killed halfway, or the alias was moved by hand)",
            "`stemline repair` makes them agree",
            False,
        )
    if registered.followed != f"{last.number} {last.digest}":
        return Disagreement(
            f"The registry does not stand for entry {last.number} of the journal, the last one (a promotion was killed "
            "halfway)",
            "`stemline repair` finishes it",
            False,
        )
    return None


def _without_entries(remembered: str, pointing: str) -> Disagreement | None:
    if remembered:
        return Disagreement(
            f"The journal has no entry about the model, and the registry remembers entry {remembered} of one",
            f"set promote.journal (or {PLACE}) to where that lies, or restore it from a backup; if it is lost, "
            "`stemline repair --adopt` begins another",
            True,
        )
    if pointing:
        return Disagreement(
            f"In the registry {pointing}, of which the journal knows nothing", "`stemline repair` writes it down", False
        )
    return None


def misfit(client: mlflow.MlflowClient, last: Entry) -> str:
    """Return why the registry is not the one that the last entry is about; empty where it may be.

    One of the same number with other weights is another version: a database that was restored gives numbers again.
    """
    if not last.version:
        return ""
    if not is_registered(client, last.name, last.version):
        return "has no such version"
    written = last.evidence.get("sha256")
    found = client.get_model_version(last.name, str(last.version)).tags.get("sha256")
    return "has one with other weights" if written and found and written != found else ""


def is_registered(client: mlflow.MlflowClient, name: str, version: int) -> bool:
    """Return whether the registry has the version; raises UserError where it does not answer."""
    try:
        client.get_model_version(name, str(version))
    except MlflowException as error:
        if error.error_code not in NOT_FOUND_CODES:
            raise UserError(
                f"the registry at {mlflow_runs.store_address()} does not answer: {mlflow_runs.error_reason(error)}"
            ) from None
        return False
    return True
