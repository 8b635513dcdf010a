"""Files that are written completely or not at all, and digests of files."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

Made = TypeVar("Made")

_TRIES = 100


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it becomes `path` when the block ends, and is deleted when it raises.

    It keeps the suffix, by which writers of audio and pictures choose the format, and only the beginning of the name,
    so that the longest names that the system allows leave room for the additions.
    """
    partial = in_shared_folder(path.parent, lambda: _make_partial(path))
    try:
        yield partial
        partial.chmod(0o644)
        make_durable(partial)
        partial.replace(path)
        make_durable(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _make_partial(path: Path) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:40]}.", suffix=f".partial{path.suffix}")
    os.close(handle)
    return Path(name)


def in_shared_folder(folder: Path, make: Callable[[], Made]) -> Made:
    """Make `folder` if it is missing, and something in it: the result of `make`.

    Other threads and processes may remove the folder, and those above it, whenever they are empty; then all is made
    again. Raises the error that persists, such as FileExistsError for a file in the place of a folder.
    """
    for _ in range(_TRIES):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, FileNotFoundError):  # also raised for a folder that was removed a moment later
            continue
        try:
            return make()
        except FileNotFoundError:
            continue
    folder.mkdir(parents=True, exist_ok=True)
    return make()


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that others may use too, if nothing is in it."""
    with suppress(OSError):  # it is not empty, or another removed it
        folder.rmdir()


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, completely or not at all."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """Write `document` as readable JSON with sorted keys, completely or not at all."""
    write_text(path, json_text(document))


def json_text(document: Any) -> str:
    """Return `document` as readable JSON with sorted keys and a newline at the end."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_parts(parts: Iterable[str]) -> str:
    """Return one SHA-256, in hex, of several strings; it depends on their order."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part.encode()).digest())
    return total.hexdigest()


def digest_folder(folder: Path, pattern: str = "*") -> str:
    """Return one SHA-256, in hex, of the names and contents of the files below `folder` that match `pattern`."""
    files = sorted(path for path in folder.rglob(pattern) if path.is_file())
    return digest_parts(part for path in files for part in (path.relative_to(folder).as_posix(), digest_file(path)))


def make_durable(path: Path) -> None:
    """Write a file, or the names in a folder, to the disk, so that they survive a loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
