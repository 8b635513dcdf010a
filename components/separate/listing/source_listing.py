"""The listing of a source: the recordings that a job selects."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.core.base.errors import UserError
from components.core.stores.opening import AnyStore, folder_within, open_store
from components.core.stores.store import ListedFile
from components.separate.config import JobOptions


@dataclass(frozen=True)
class Listing:
    """The selected recordings of a source.

    entries  sorted by key
    missing  keys of the manifest that the source does not have
    source   address of the store; of the folder when the source is a single recording
    """

    entries: list[ListedFile]
    missing: list[str]
    source: str


def list_recordings(source: AnyStore, destination: AnyStore, options: JobOptions) -> Listing:
    """Return the recordings of `source` that `options` select, without stems of a destination inside the source."""
    inner = folder_within(source, destination)
    entries = [
        entry
        for entry in source.recordings()
        if options.selects(entry.key) and not (inner and entry.key.startswith(inner))
    ]
    if options.manifest is None:
        return Listing(entries, [], source.address)
    wanted = read_manifest(options.manifest)
    listed = {entry.key for entry in entries}
    return Listing([entry for entry in entries if entry.key in wanted], sorted(wanted - listed), source.address)


def read_manifest(address: str) -> set[str]:
    """Return the keys that a file names: one per line, or the column `key` of a CSV file."""
    path = PurePosixPath(address)
    folder = address.removesuffix(path.name) or "."
    data = open_store(folder).read(path.name)
    if data is None:
        raise UserError(f"{address} does not exist: give a file with a recording's key a line, or a CSV column 'key'")
    try:
        lines = data.decode("utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError:
        raise UserError(f"{address} is not UTF-8 text: save it as UTF-8") from None
    keys = _parse_keys(lines)
    if not keys:
        raise UserError(f"{address} names no recording: give a file with a recording's key a line, or a column 'key'")
    return keys


def _parse_keys(lines: list[str]) -> set[str]:
    header = next(csv.reader(lines[:1]), [])
    if "key" in header:
        return {row["key"] for row in csv.DictReader(io.StringIO("".join(lines))) if row["key"]}
    return {line.strip("\r\n") for line in lines} - {""}


def format_manifest(keys: Iterable[str]) -> str:
    """Return the text of a manifest that names `keys`, as CSV."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["key"])
    writer.writerows([key] for key in keys)
    return table.getvalue()
