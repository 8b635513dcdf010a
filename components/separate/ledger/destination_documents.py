"""Documents at the destination: where each lies, and how it is read and written."""

import hashlib
import json
import os
from typing import TypeVar

from pydantic import ValidationError

from components.core.base.documents import Document
from components.core.stores.selection import PROVENANCE
from components.core.stores.store import Store

DocumentT = TypeVar("DocumentT", bound=Document)


def provenance_key(key: str) -> str:
    """Return the key of a recording's provenance file."""
    return f"{key}/{PROVENANCE}"


def digest_key(key: str) -> str:
    """Return a file name of fixed length that stands for a recording's key."""
    return hashlib.sha256(os.fsencode(key)).hexdigest()[:32]


def read_document(store: Store, key: str, document: type[DocumentT]) -> DocumentT | None:
    """Return the document at `key`; None where there is none, or a damaged one: it is then made again."""
    return parse_document(store.read(key), document)


def parse_document(data: bytes | None, document: type[DocumentT]) -> DocumentT | None:
    """Return the document that JSON holds; None for no data and for damaged data.

    Unlike `Document.parse` it accepts names that are not UTF-8.
    """
    try:
        values = json.loads(data or b"")
        values.pop("format_version", None)
        return document.model_validate(values)
    except (ValueError, AttributeError, TypeError, ValidationError):
        return None


def write_document(store: Store, key: str, document: Document) -> None:
    """Write a document to `key`, whole or not at all."""
    store.write(key, encode_document(document))


def encode_document(document: Document) -> bytes:
    """Return a document as readable JSON; names that are not UTF-8 keep their bytes."""
    text = json.dumps(document.values(), indent=2, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode("utf-8", "surrogatepass")
