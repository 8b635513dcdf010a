"""The listing of a source: the recordings that a job selects."""

from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from components.core.base.errors import UserError
from components.core.stores.opening import AnyStore, folder_within
from components.core.stores.selection import ListedFile, Selection
from components.core.stores.store import S3
from components.separate.config import JobOptions
from components.separate.listing.manifest import read_manifest


@dataclass(frozen=True)
class Listing:
    """The selected recordings of a source.

    entries      sorted by key
    missing      keys of the manifest that the source does not have
    source       address of the store; of the folder when the source is a single recording
    passed_over  the files that are passed over, how many and why; empty when there are none
    """

    entries: list[ListedFile]
    missing: list[str]
    source: str
    passed_over: str = ""

    def __str__(self) -> str:
        """Return one line about the files that a job does not touch; empty when there are none."""
        parts = [f"passed over: {self.passed_over}"] if self.passed_over else []
        if self.missing:
            more = ", …" if len(self.missing) > 1 else ""
            parts.append(f"{len(self.missing)} keys of the manifest are not in the source ({self.missing[0]!r}{more})")
        return "; ".join(parts)


def list_recordings(source: AnyStore, destination: AnyStore, options: JobOptions) -> Listing:
    """Return the recordings of `source` that `options` select, without stems of a destination inside the source.

    The manifest names a recording by its key, or by its path or address below the source. Raises UserError when the
    manifest is no table, and none of its lines names a recording.
    """
    inner = folder_within(source, destination)
    selection = _outside(source.select(), inner)
    entries = [entry for entry in selection.recordings if options.selects(entry.key)]
    passed_over = selection.describe_passed_over()
    if options.manifest is None:
        return Listing(entries, [], source.address, passed_over)
    manifest = read_manifest(options.manifest)
    keys = _resolve_paths(manifest.keys, selection.recordings, source)
    chosen, missing = _choose(entries, keys)
    if not manifest.is_table and not _choose(selection.recordings, keys)[0]:
        raise UserError(
            f"{options.manifest} has no column 'key', and no line of it names a recording of {source.address}: "
            "give a recording's key per line, or a table with a column 'key'"
        )
    missing = [key for key in missing if not manifest.is_comment(key)]
    return Listing(chosen, missing, source.address, passed_over)


def _resolve_paths(names: set[str], recordings: list[ListedFile], source: AnyStore) -> set[str]:
    """Return `names` with each path or address below the source as the key of its file."""
    listed = {entry.key for entry in recordings}
    roots = {source.address}
    if not source.address.startswith(S3):
        folder = Path(source.address)
        roots |= {str(folder.absolute()), str(folder.resolve())}
    return {name if name in listed else _resolve_path(name, roots) for name in names}


def _resolve_path(name: str, roots: set[str]) -> str:
    root = next((root for root in roots if name.startswith(f"{root}/")), "")
    return name.removeprefix(f"{root}/") if root else name


def _outside(selection: Selection, inner: str) -> Selection:
    """Return the selection without what lies in the folder `inner`."""
    if not inner:
        return selection
    return Selection(
        [entry for entry in selection.recordings if not entry.key.startswith(inner)],
        {key: reason for key, reason in selection.passed_over.items() if not key.startswith(inner)},
    )


def _choose(entries: list[ListedFile], wanted: set[str]) -> tuple[list[ListedFile], list[str]]:
    """Return the wanted entries, and the keys that none of them has.

    A letter with an accent may be written as one character or as two; where no key is the same, such names meet.
    """
    listed = {entry.key for entry in entries}
    composed = {normalize("NFC", key): key for key in wanted - listed}
    chosen = [entry for entry in entries if entry.key in wanted or normalize("NFC", entry.key) in composed]
    met = {normalize("NFC", entry.key) for entry in chosen}
    return chosen, sorted(key for name, key in composed.items() if name not in met)
