"""Which recordings of a source a job is about."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from components.core.base.errors import UserError
from components.core.stores.opening import AnyStore, folder_within, open_store
from components.core.stores.store import ListedFile


@dataclass(frozen=True)
class Choice:
    """`include`, `exclude`: patterns for keys, where * stands for anything, also `/`; `manifest`: a list's address."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    manifest: str = ""

    def has(self, key: str) -> bool:
        """Whether the patterns choose a key."""
        included = not self.include or any(fnmatchcase(key, pattern) for pattern in self.include)
        return included and not any(fnmatchcase(key, pattern) for pattern in self.exclude)


@dataclass(frozen=True)
class Listing:
    """The recordings, sorted by key, the keys of the manifest that the source does not have, and the source's address.

    Where the source is a single recording, the address is that of the folder it lies in.
    """

    entries: list[ListedFile]
    missing: list[str]
    source: str


def list_recordings(source: AnyStore, destination: AnyStore, choice: Choice) -> Listing:
    """Return the chosen recordings of `source`; never the stems, where the destination lies within the source."""
    found = source.recordings()
    ours = folder_within(source, destination)
    entries = [entry for entry in found if choice.has(entry.key) and not (ours and entry.key.startswith(ours))]
    if not choice.manifest:
        return Listing(entries, [], source.address)
    wanted = read_manifest(choice.manifest)
    there = {entry.key for entry in entries}
    return Listing([entry for entry in entries if entry.key in wanted], sorted(wanted - there), source.address)


def read_manifest(address: str) -> set[str]:
    """Return the keys that a file names: a line each, or the column `key` of a CSV file."""
    path = PurePosixPath(address)
    folder = address.removesuffix(path.name) or "."
    data = open_store(folder).read(path.name)
    if data is None:
        raise UserError(f"{address} does not exist: give a file with a recording's key a line, or a CSV column 'key'")
    try:
        lines = data.decode("utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError:
        raise UserError(f"{address} is not UTF-8 text: save it as UTF-8") from None
    keys = _keys(lines)
    if not keys:
        raise UserError(f"{address} names no recording: give a file with a recording's key a line, or a column 'key'")
    return keys


def _keys(lines: list[str]) -> set[str]:
    header = next(csv.reader(lines[:1]), [])
    if "key" in header:
        return {row["key"] for row in csv.DictReader(io.StringIO("".join(lines))) if row["key"]}
    return {line.strip("\r\n") for line in lines} - {""}


def manifest_of(keys: Iterable[str]) -> str:
    """Return the CSV file that `read_manifest` reads, for keys in any script."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["key"])
    writer.writerows([key] for key in keys)
    return table.getvalue()
