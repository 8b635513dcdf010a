"""The manifest of a job: a file that names recordings, as people and spreadsheets write it."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import PurePosixPath

from components.core.base.errors import UserError
from components.core.stores.opening import open_store

_COLUMN = "key"
_DELIMITERS = ",;\t|"
_COMMENT = "#"

_EXPECTED = "give a text file with one recording key per line, or a table with a column 'key'"


@dataclass(frozen=True)
class Manifest:
    """The keys that a file names, and whether it is a table with a column for them.

    Without a table, a line that begins with `#` is among the keys: it may be a comment or the name of a file.
    """

    keys: set[str]
    is_table: bool

    def is_comment(self, key: str) -> bool:
        """Return whether a key that no recording has is a comment."""
        return not self.is_table and key.startswith(_COMMENT)


def read_manifest(address: str) -> Manifest:
    """Read a file that names keys: one per line, or the column `key` of a table.

    The table's columns are separated by commas, semicolons, tabs or bars; comments may stand above it. Raises UserError
    when there is no such file, or no key in it.
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
    table = "".join(dropwhile(lambda line: line.startswith(_COMMENT), lines))
    for delimiter in _DELIMITERS:
        header = next(csv.reader(table.splitlines()[:1], delimiter=delimiter), [])
        names = [name.strip().casefold() for name in header]
        if _COLUMN in names:
            rows = csv.reader(io.StringIO(table, newline=""), delimiter=delimiter)
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
