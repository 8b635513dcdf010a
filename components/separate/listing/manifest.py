"""The manifest of a job: a file that names recordings, as people and spreadsheets write it."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.core.base.errors import UserError
from components.core.stores.opening import open_store

_COLUMN = "key"
_DELIMITERS = ",;\t|"


_EXPECTED = "give a text file with one recording key per line, or a table with a column 'key'"


@dataclass(frozen=True)
class Manifest:
    """The keys that a file names, and whether it is a table with a column for them."""

    keys: set[str]
    is_table: bool


def read_manifest(address: str) -> Manifest:
    """Read a file that names keys: one per line, or the column `key` of a table.

    The table's columns are separated by commas, semicolons, tabs or bars. Raises UserError when there is no such file,
    or no key in it.
    """
    path = PurePosixPath(address)
    folder = address.removesuffix(path.name) or "."
    data = open_store(folder).read(path.name)
    if data is None:
        raise UserError(f"{address} does not exist: {_EXPECTED}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{address} is not UTF-8 text: save it as UTF-8") from None
    manifest = _parse(text)
    if not manifest.keys:
        raise UserError(f"{address} names no recording: {_EXPECTED}")
    return manifest


def _parse(text: str) -> Manifest:
    lines = text.splitlines(keepends=True)
    for delimiter in _DELIMITERS:
        header = next(csv.reader(lines[:1], delimiter=delimiter), [])
        names = [name.strip().casefold() for name in header]
        if _COLUMN in names:
            rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            next(rows)
            column = names.index(_COLUMN)
            keys = {row[column] for row in rows if len(row) > column and row[column]}
            return Manifest(keys, is_table=True)
    return Manifest({line.strip("\r\n") for line in lines} - {""}, is_table=False)


def format_manifest(keys: Iterable[str]) -> str:
    """Return the text of a manifest that names `keys`, as CSV."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow([_COLUMN])
    writer.writerows([key] for key in keys)
    return table.getvalue()
