"""Reading what other steps left, which may be missing, older or damaged: what is not there becomes a sentence."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import quote_from_bytes

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

Content = TypeVar("Content")
DocumentT = TypeVar("DocumentT", bound="Document")


class Unavailable(Exception):  # noqa: N818 (no error: an expected state)
    """A part of the page cannot be shown; the message is the sentence that stands in its place."""


class Document(BaseModel):
    """What the page needs of a JSON file; keys that it does not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


@dataclass(frozen=True)
class Part(Generic[Content]):
    """A part of the page: its content, or None and a `note` that says why."""

    content: Content | None
    note: str = ""

    def required(self) -> Content:
        """Return the content; raises Unavailable, with its note, where there is none."""
        if self.content is None:
            raise Unavailable(self.note)
        return self.content


def part_of(read: Callable[[], Content]) -> Part[Content]:
    """Return what `read` gives, or its reason why there is nothing."""
    try:
        return Part(read())
    except Unavailable as reason:
        return Part(None, str(reason))


def read_document(path: Path, schema: type[DocumentT], missing: str) -> DocumentT:
    """Read a JSON file; raises Unavailable with the sentence `missing`, or one that names the damaged file."""
    try:
        return schema.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise Unavailable(missing) from None
    except ValidationError:
        raise Unavailable(f"{path.parent.name}/{path.name} is not in the form that this page reads.") from None


def read_table(path: Path, columns: Iterable[str], missing: str, text: bool = False) -> pd.DataFrame:
    """Read a CSV file that has at least `columns` (as strings throughout, with `text`); raises Unavailable."""
    damaged = f"{path.parent.name}/{path.name} is not in the form that this page reads."
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False) if text else pd.read_csv(path)
    except (FileNotFoundError, NotADirectoryError):
        raise Unavailable(missing) from None
    except ValueError:  # of pandas, for what is no CSV, and of Python, for what is no UTF-8
        raise Unavailable(damaged) from None
    if not set(columns) <= set(table.columns):
        raise Unavailable(damaged)
    return table


def link(path: Path, page_folder: Path) -> str:
    """Return the relative URL of `path` for a page in `page_folder`; both absolute, without links in their folders."""
    return quote_from_bytes(os.fsencode(os.path.relpath(path, page_folder)), safe="/")


def shown(path: str) -> str:
    """Return a file's name as text that can be written down, also when its bytes are no UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")
