"""Both ends of a worker's work: it claims and fetches a recording, and at last stores its stems."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from components.core.base.files import digest_file
from components.core.data.stem_provenance import Provenance, StemSettings
from components.core.stores.selection import PROVENANCE, ListedFile
from components.core.stores.store import Store
from components.separate.ledger.claims import Claims
from components.separate.ledger.destination_documents import provenance_key, read_document, write_document
from components.separate.ledger.ledger_table import Row, describe_stems
from components.separate.ledger.quarantine import quarantine_key
from components.separate.listing.plan import is_same_file
from components.separate.recording.inspection import Unfit
from components.separate.recording.stems import RecordingFile
from components.separate.workers.messages import ClaimedElsewhere


@dataclass
class FetchedRecording:
    """A recording that is claimed and fetched.

    folder        an empty folder for its stems
    replaces      whether the destination has older stems of it
    held          closing it releases the claim and deletes the local files
    """

    file: RecordingFile
    folder: Path
    replaces: bool
    held: ExitStack

    @property
    def entry(self) -> ListedFile:
        """Its entry in the source's listing."""
        return self.file.entry


@dataclass(frozen=True)
class RecordingFetcher:
    """Fetches recordings of `source` that `destination` does not have yet."""

    source: Store
    destination: Store
    claims: Claims
    settings: StemSettings

    def fetch(self, entry: ListedFile) -> FetchedRecording | Row | ClaimedElsewhere:
        """Claim a recording and fetch it; returns its row when it is done already.

        Raises Unfit for a file that can't be a recording, RecordingGone for one that has changed since it was listed.
        """
        require_usable_name(entry.key)
        with ExitStack() as held:
            if not held.enter_context(self.claims.held(entry.key)):
                return ClaimedElsewhere(entry.key)
            # read only now: another worker may have finished it a moment before
            earlier = read_document(self.destination, provenance_key(entry.key), Provenance)
            if earlier is None or not earlier.settings.makes_same_stems(self.settings):
                return self._fetch(entry, earlier, held)
            if is_same_file(earlier, entry):
                return describe_stems("skipped", entry, earlier)
            fetched = self._fetch(entry, earlier, held)
            if fetched.file.sha256 == earlier.source.sha256:  # it was only copied or touched
                fetched.held.close()
                return describe_stems("skipped", entry, earlier)
            return fetched

    def _fetch(self, entry: ListedFile, earlier: Provenance | None, held: ExitStack) -> FetchedRecording:
        staging = held.enter_context(self.destination.staging())
        arriving, leaving = staging / "arriving", staging / "leaving"
        arriving.mkdir()
        leaving.mkdir()
        path = self.source.fetch(entry, arriving)
        if not path.is_file():
            raise Unfit(
                "it is a folder, not a recording" if path.is_dir() else "it is not a file, or a link without a target"
            )
        file = RecordingFile(path, digest_file(path), self.source.address, entry)
        return FetchedRecording(file, leaving, earlier is not None, held.pop_all())


def require_usable_name(key: str) -> None:
    """Raise Unfit for a key that can't be a folder's path at the destination."""
    try:
        key.encode()
    except UnicodeEncodeError:
        raise Unfit("its name is not UTF-8: rename it") from None
    if "\0" in key or any(part in ("", ".", "..") for part in key.split("/")):
        raise Unfit("its name is no valid path in a folder: rename it")


def store_stems(destination: Store, fetched: FetchedRecording, provenance: Provenance) -> Row:
    """Store the files that a recording became, the provenance last, so that it is done or not; return its row."""
    key = fetched.entry.key
    if fetched.replaces:  # while its stems are replaced, the recording is not done
        destination.delete(provenance_key(key))
    names = [stem.file for stem in provenance.stems.values()]
    names += [provenance.picture] if provenance.picture else []
    for name in names:
        destination.put(fetched.folder / name, f"{key}/{name}")
    for name in set(destination.names(key)) - {*names, PROVENANCE}:
        destination.delete(f"{key}/{name}")  # of another format, or a stem that is not wanted any more
    write_document(destination, provenance_key(key), provenance)
    destination.delete(quarantine_key(key))
    return describe_stems("done", fetched.entry, provenance)
