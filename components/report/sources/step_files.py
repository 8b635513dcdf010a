"""Reads the files of other steps, which may be missing, old or damaged: then the page shows a note instead."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import quote_from_bytes

import pandas as pd

from components.core.base.documents import Document
from components.core.base.errors import UserError

Content = TypeVar("Content")
DocumentT = TypeVar("DocumentT", bound=Document)


class Unavailable(Exception):  # noqa: N818 (not an error: the page expects it)
    """A part of the page can't be shown; the message is the sentence in its place."""


@dataclass(frozen=True)
class Part(Generic[Content]):
    """A part of the page: its content, or None with a note that says why."""

    content: Content | None
    note: str = ""

    def required(self) -> Content:
        """Return the content; raises Unavailable with the note when there is none."""
        if self.content is None:
            raise Unavailable(self.note)
        return self.content


def read_part(read: Callable[[], Content]) -> Part[Content]:
    """Call `read`; return its content, or the sentence of its Unavailable."""
    try:
        return Part(read())
    except Unavailable as reason:
        return Part(None, str(reason))


def read_document(path: Path, document: type[DocumentT], missing: str) -> DocumentT:
    """Read a document; raises Unavailable with the sentence `missing`, or with one that names the damaged file."""
    if not path.exists():
        raise Unavailable(missing)
    try:
        return document.read_file(path)
    except UserError:
        raise Unavailable(_damaged(path)) from None


def read_table(path: Path, columns: Iterable[str], missing: str, as_text: bool = False) -> pd.DataFrame:
    """Read a CSV file that has at least `columns`, with `as_text` all of them as strings; raises Unavailable."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False) if as_text else pd.read_csv(path)
    except (FileNotFoundError, NotADirectoryError):
        raise Unavailable(missing) from None
    except ValueError:  # not CSV, or not UTF-8
        raise Unavailable(_damaged(path)) from None
    if not set(columns) <= set(table.columns):
        raise Unavailable(_damaged(path))
    return table


def relative_link(path: Path, page_folder: Path) -> str:
    """Return the relative URL of `path` for a page in `page_folder`; both are resolved, absolute paths."""
    return quote_from_bytes(os.fsencode(os.path.relpath(path, page_folder)), safe="/")


def printable_path(path: str) -> str:
    """Return a path as valid UTF-8 text; other bytes become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")


def _damaged(path: Path) -> str:
    return f"This page can't read {path.parent.name}/{path.name}: it is damaged, or another version wrote it."
