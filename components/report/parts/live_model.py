"""The live version: since when, by whom and why; its history; and whether journal and registry agree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.core.release.journal import JournalEntry
from components.core.release.model_in_use import describe_model_in_use
from components.core.release.registry_consistency import (
    Disagreement,
    RegistryState,
    compare_with_journal,
    read_registry_state,
)
from components.core.tracking.mlflow_address import store_exists
from components.report.sources.step_files import Part, Unavailable, read_part
from components.report.sources.stores import Mlflow, ModelSettings, Stores, errors_as_notes

SHOWN, LIMIT = 20, 500
"""Entries of the history that the page shows at once, and at most."""

_NOT_LIVE = "No version of {} is live."


@dataclass(frozen=True)
class LivePart:
    """The live version.

    settled   whether journal and registry name the same version
    entry     the journal's last entry
    rollback  the command that goes back, and the version that is live afterwards
    doubts    sentences about what is unknown, or what does not agree
    disputed  whether journal and registry contradict each other
    """

    name: str
    version: int
    headline: str
    settled: bool
    entry: JournalEntry | None
    rollback: tuple[str, str] | None
    doubts: tuple[str, ...]
    disputed: bool


@dataclass(frozen=True)
class HistoryPart:
    """The journal's entries, the newest first: `shown` at once, `folded` on demand, `more` only counted."""

    shown: tuple[JournalEntry, ...]
    folded: tuple[JournalEntry, ...]
    more: int


def read_live(stores: Stores) -> LivePart:
    """Return the live version; raises Unavailable when no version is live, or when no store can say."""
    settings = stores.settings.required()
    last = stores.journal.content[-1] if stores.journal.content else None
    registered = read_part(lambda: _read_registry(stores.mlflow.required(), settings, last))
    versions = list(dict.fromkeys([*([last.version] if last else []), *_versions_of(registered)]))
    if not any(versions):
        raise Unavailable(_explain_no_version(stores, registered))
    is_settled = len(versions) == 1
    rollback = _describe_rollback(last) if is_settled else None
    found = _compare(settings, stores, registered)
    doubts = tuple(_doubts(stores, registered, found))
    headline = _headline(settings.name, versions)
    return LivePart(
        settings.name, versions[-1], headline, is_settled, last, rollback, doubts, disputed=found is not None
    )


def _explain_no_version(stores: Stores, registered: Part[RegistryState]) -> str:
    """Return why there is no live version to show: there is none, or the stores can't be read."""
    notes = [stores.journal.note] if stores.journal.content is None else []
    if registered.content is None and store_exists():
        notes.append(registered.note)
    if notes:
        return " ".join(["The live version is unknown.", *notes])
    settings = stores.settings.required()
    return f"{_NOT_LIVE.format(settings.name)} {describe_model_in_use(settings.separate_by, settings.promote)}."


def read_history(stores: Stores) -> HistoryPart:
    """Return the journal's entries; raises Unavailable when there is none."""
    newest = stores.journal.required()[::-1]
    if not newest:
        raise Unavailable("The journal is empty: no version has been live yet.")
    return HistoryPart(newest[:SHOWN], newest[SHOWN:LIMIT], max(0, len(newest) - LIMIT))


def _read_registry(store: Mlflow, settings: ModelSettings, last: JournalEntry | None) -> RegistryState:
    with errors_as_notes("The registry"):
        return read_registry_state(store.client, settings.name, settings.promote.alias, last)


def _versions_of(registered: Part[RegistryState]) -> list[int]:
    return [registered.content.version] if registered.content else []


def _headline(name: str, versions: Sequence[int]) -> str:
    if len(versions) == 1:
        return f"Version {versions[0]} of {name} is live"
    candidates = [f"version {version}" if version else "none" for version in versions]
    return f"The live version of {name} is uncertain: {' or '.join(candidates)}"


def _compare(settings: ModelSettings, stores: Stores, registered: Part[RegistryState]) -> Disagreement | None:
    """Return the disagreement of journal and registry; None when they agree, or when one of them can't be read."""
    if stores.journal.content is None or registered.content is None:
        return None
    return compare_with_journal(registered.content, stores.journal.content, settings.promote.alias)


def _doubts(stores: Stores, registered: Part[RegistryState], found: Disagreement | None) -> Iterator[str]:
    if stores.journal.content is None:
        yield f"It is unknown since when, by whom and why it is live. {stores.journal.note}"
    elif registered.content is None:
        yield f"It is unknown whether the registry agrees. {registered.note}"
    elif found:
        yield f"{found.problem}: {found.remedy}."


def _describe_rollback(last: JournalEntry | None) -> tuple[str, str] | None:
    if last is None or (last.kind == "adoption" and not last.before):
        return None
    if last.kind == "rollback":  # it took back the version before, so going back leads further
        return 'stemline rollback --why "…"', "the version before this one"
    return f'stemline rollback --to {last.before} --why "…"', f"version {last.before}" if last.before else "no version"
