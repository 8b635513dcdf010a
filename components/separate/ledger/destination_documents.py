"""The file beside a recording's stems that says where they come from, and whether they are still what is wanted."""

import hashlib
import json
import os
from typing import Any

from components.core.stores.store import PROVENANCE, ListedFile, Store
from components.separate.recording.stem_settings import Recipe


def provenance_key(key: str) -> str:
    """Return where a recording's provenance lies."""
    return f"{key}/{PROVENANCE}"


def digest_key(key: str) -> str:
    """Return a name of fixed length for a key, whatever is in it."""
    return hashlib.sha256(os.fsencode(key)).hexdigest()[:32]


def read_provenance(store: Store, key: str) -> dict[str, Any]:
    """Return what a recording's provenance file says; nothing where there is none, or a damaged one."""
    return parse_json(store.read(provenance_key(key)))


def write_provenance(store: Store, key: str, document: dict[str, Any]) -> None:
    """Write the file that makes a recording done."""
    store.write(provenance_key(key), as_json(document))


def same_recipe(provenance: dict[str, Any], recipe: Recipe) -> bool:
    """Whether stems were made as `recipe` says."""
    try:
        made = Recipe(provenance["model"], provenance["options"])
        return made.identity == recipe.identity
    except (KeyError, AttributeError, TypeError):
        return False


def same_source(provenance: dict[str, Any], entry: ListedFile) -> bool:
    """Whether stems were made of the recording as it is listed now."""
    source = provenance.get("source") or {}
    return bool((source.get("bytes"), source.get("stamp")) == (entry.size, entry.stamp))


def as_json(document: dict[str, Any]) -> bytes:
    """Return a document as readable JSON, with names of any bytes."""
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def parse_json(data: bytes | None) -> dict[str, Any]:
    """Return the document that JSON holds; an empty one for anything else: it is not ours, or damaged."""
    try:
        document = json.loads(data or b"{}")
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return document if isinstance(document, dict) else {}
