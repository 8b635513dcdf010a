"""What is live, since when, by whom and why; what came before; and whether journal and registry agree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.core.release.journal import Entry
from components.core.release.registry_consistency import Disagreement, Registered, disagreement, read_registered
from components.core.tracking.mlflow_store import store_exists
from components.report.sources.reading import Part, Unavailable, part_of
from components.report.sources.stores import Mlflow, Names, Stores, asking

SHOWN, LIMIT = 20, 500
"""Entries of the history that are in sight, and that are on the page at all."""

_NOBODY = "No model is live yet. Until one is, `stemline separate` takes the model that ships with Stemline."


@dataclass(frozen=True)
class LivePart:
    """The live version; `settled` says whether it is the journal's and the registry's, `entry` is the journal's last.

    `back` is the command that goes back, and what it leads to; `doubts` are sentences about what does not agree, or is
    not known; `disputed` says whether journal and registry contradict each other.
    """

    name: str
    version: int
    headline: str
    settled: bool
    entry: Entry | None
    back: tuple[str, str] | None
    doubts: tuple[str, ...]
    disputed: bool


@dataclass(frozen=True)
class HistoryPart:
    """The journal's entries, the newest first: some in sight, some folded away, `more` only counted."""

    shown: tuple[Entry, ...]
    folded: tuple[Entry, ...]
    more: int


def read_live(stores: Stores) -> LivePart:
    """Return what journal and registry say; raises Unavailable when neither does, or when nothing is live."""
    names = stores.names.required()
    last = stores.journal.content[-1] if stores.journal.content else None
    registered = part_of(lambda: _registered(stores.mlflow.required(), names, last))
    versions = list(dict.fromkeys([*([last.version] if last else []), *_version_of(registered)]))
    if not any(versions):
        raise Unavailable(_nothing(stores, registered))
    settled = len(versions) == 1
    back = _way_back(last) if settled else None
    found = _disagreement(names, stores, registered)
    doubts = tuple(_doubts(stores, registered, found))
    headline = _headline(names.model, versions)
    return LivePart(names.model, versions[-1], headline, settled, last, back, doubts, disputed=found is not None)


def _nothing(stores: Stores, registered: Part[Registered]) -> str:
    """Return why there is no live version to show: there is none, or nobody can say."""
    silent = [stores.journal.note] if stores.journal.content is None else []
    if registered.content is None and store_exists():
        silent.append(registered.note)
    return " ".join(["What is live is not known.", *silent]) if silent else _NOBODY


def read_history(stores: Stores) -> HistoryPart:
    """Return the journal's entries; raises Unavailable when there is none."""
    newest = stores.journal.required()[::-1]
    if not newest:
        raise Unavailable("The journal is empty: no version has been made live yet.")
    return HistoryPart(newest[:SHOWN], newest[SHOWN:LIMIT], max(0, len(newest) - LIMIT))


def _registered(store: Mlflow, names: Names, last: Entry | None) -> Registered:
    with asking("The registry"):
        return read_registered(store.client, names.model, names.promote.alias, last)


def _version_of(registered: Part[Registered]) -> list[int]:
    return [registered.content.version] if registered.content else []


def _headline(name: str, versions: Sequence[int]) -> str:
    if len(versions) == 1:
        return f"Version {versions[0]} of {name} is live"
    words = [f"version {version}" if version else "none" for version in versions]
    return f"It is not settled which {name} is live: {' or '.join(words)}"


def _disagreement(names: Names, stores: Stores, registered: Part[Registered]) -> Disagreement | None:
    """Return what does not agree; None also where one of the two says nothing."""
    if stores.journal.content is None or registered.content is None:
        return None
    return disagreement(registered.content, stores.journal.content, names.promote.alias)


def _doubts(stores: Stores, registered: Part[Registered], found: Disagreement | None) -> Iterator[str]:
    if stores.journal.content is None:
        yield f"Since when, by whom and why is not known. {stores.journal.note}"
    elif registered.content is None:
        yield f"Whether the registry agrees is not known. {registered.note}"
    elif found:
        yield f"{found.seen}: {found.do}."


def _way_back(last: Entry | None) -> tuple[str, str] | None:
    if last is None or not last.before:
        return None
    if last.kind == "rollback":  # the one before was taken back: it is not where one goes back to
        return 'stemline rollback --why "…"', "the version before this one"
    return f'stemline rollback --to {last.before} --why "…"', f"version {last.before}"
