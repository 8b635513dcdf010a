"""The first third of a worker's way: claim a recording, see whether there is anything to do, and have it at hand."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.base.files import digest_file
from components.core.stores.store import ListedFile, Store
from components.separate.ledger.claims import Claims
from components.separate.ledger.destination_documents import read_provenance, same_recipe, same_source
from components.separate.ledger.ledger_table import Row, row_of_provenance
from components.separate.recording.inspection import Unfit
from components.separate.recording.stem_settings import Recipe
from components.separate.workers.messages import Busy


@dataclass
class Fetched:
    """A recording that is claimed and at hand, and what its destination says of it so far.

    `path` is the recording, `folder` an empty one for its stems; `holding` lets go of all when it is closed.
    """

    entry: ListedFile
    path: Path
    folder: Path
    sha256: str
    before: dict[str, Any]
    holding: ExitStack


@dataclass(frozen=True)
class Fetcher:
    """Gets recordings of `source` that `destination` does not have yet."""

    source: Store
    destination: Store
    claims: Claims
    recipe: Recipe

    def fetch(self, entry: ListedFile) -> Fetched | Row | Busy:
        """Claim a recording and bring it here; a row where nothing is to do, Busy where another has claimed it.

        Raises Unfit for what can be no recording, Gone for one that has changed since it was listed.
        """
        require_name(entry.key)
        with ExitStack() as holding:
            if not holding.enter_context(self.claims.held(entry.key)):
                return Busy(entry.key)
            # only now, since another worker may have done it just before
            before = read_provenance(self.destination, entry.key)
            if not same_recipe(before, self.recipe):
                return self._fetched(entry, before, holding)
            if same_source(before, entry):
                return row_of_provenance("skipped", entry, before)
            fetched = self._fetched(entry, before, holding)
            if fetched.sha256 == before["source"]["sha256"]:  # copied, or touched
                fetched.holding.close()
                return row_of_provenance("skipped", entry, before)
            return fetched

    def _fetched(self, entry: ListedFile, before: dict[str, Any], holding: ExitStack) -> Fetched:
        staging = holding.enter_context(self.destination.staging())
        arriving, leaving = staging / "arriving", staging / "leaving"
        arriving.mkdir()
        leaving.mkdir()
        path = self.source.fetch(entry, arriving)
        if not path.is_file():
            raise Unfit("it is a folder, not a recording" if path.is_dir() else "it is no file, or a link to none")
        return Fetched(entry, path, leaving, digest_file(path), before, holding.pop_all())


def require_name(key: str) -> None:
    """Raise Unfit for a key that can't be the path of a folder below the destination."""
    try:
        key.encode()
    except UnicodeEncodeError:
        raise Unfit("its name is not UTF-8: rename it") from None
    if "\0" in key or any(part in ("", ".", "..") for part in key.split("/")):
        raise Unfit("its name can be no path of a folder: rename it")
