"""Mirrors: multitracks of a bucket as a folder on this machine.

A mirror's name is a digest of the bucket's listing, and a complete mirror never changes. So a run that reads one mirror
is not disturbed by a run that makes the next. Files of an earlier mirror are linked, neither fetched nor stored again.
"""

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Self

from filelock import FileLock

from components.acquire.files.download import require_space
from components.core.base.documents import Document
from components.core.base.errors import UserError
from components.core.base.files import digest_parts, make_durable, whole_file
from components.core.base.progress import Progress
from components.core.stores.opening import AnyStore, open_store
from components.core.stores.selection import ListedFile
from components.core.stores.store import RecordingGone

PATIENCE = 180.0
"""Seconds for which a store that does not answer is asked again."""

_FILES, _LANDING, _PARTIAL = "files", "landing", ".partial"
_KEPT_SECONDS = 7 * 86400.0  # a run may still read a mirror when a newer one is made
_MEGABYTE = 1e6


class MirrorListing(Document):
    """The files of a complete mirror, as the bucket listed them."""

    FILE: ClassVar[str] = "listing.json"
    REMEDY: ClassVar[str] = "delete the folder it lies in"

    entries: tuple[ListedFile, ...]

    @classmethod
    def from_values(cls, values: Any, where: str) -> Self:
        """Read the listing; older versions wrote the bare list of entries."""
        return super().from_values({"entries": values} if isinstance(values, list) else values, where)


def mirror_bucket(address: str, scratch: Path) -> Path:
    """Return a folder with the files of `address` (s3://bucket/folder), after fetching the missing ones to `scratch`.

    A killed run is continued. Raises UserError when the bucket does not answer, changes meanwhile, or has a key that
    cannot be a file in a folder.
    """
    store = open_store(address, PATIENCE)
    entries = store.files()
    require_file_names(address, (entry.key for entry in entries))
    folder = scratch / "mirrors" / digest_parts([address])[:16]
    folder.mkdir(parents=True, exist_ok=True)
    mirror = folder / digest_parts("\t".join(map(str, entry)) for entry in entries)[:16]
    partial = mirror.with_name(mirror.name + _PARTIAL)
    with FileLock(folder / ".lock"):
        if not mirror.is_dir():
            _fill(partial, store, entries, folder)
            partial.rename(mirror)
        _delete_old(folder, mirror)
    return mirror / _FILES


def _fill(mirror: Path, store: AnyStore, entries: list[ListedFile], folder: Path) -> None:
    """Bring all files into `mirror`, except those that an interrupted run has fetched already."""
    mirrored = _mirrored_files(folder)
    missing = []
    for entry in entries:
        target = mirror / _FILES / entry.key
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_file() and target.stat().st_size == entry.size:
            continue
        if entry in mirrored:
            _link(mirrored[entry], target)
        else:
            missing.append(entry)
    size = sum(entry.size for entry in missing)
    require_space(mirror, size, f"fetching {store.address}")
    progress = Progress(f"fetch {store.address}", size / _MEGABYTE, "MB")
    for number, entry in enumerate(missing, start=1):
        _fetch(store, entry, mirror)
        progress.advance(entry.size / _MEGABYTE, f"{number} of {len(missing)} files")
    MirrorListing(entries=tuple(entries)).write(mirror)


def _link(file: Path, target: Path) -> None:
    """Make a hard link; a copy where the file system has no links."""
    target.unlink(missing_ok=True)
    try:
        os.link(file, target)
    except OSError:
        with whole_file(target) as partial:
            shutil.copyfile(file, partial)


def _fetch(store: AnyStore, entry: ListedFile, mirror: Path) -> None:
    """Fetch one file, whole or not at all."""
    landing = mirror / _LANDING
    shutil.rmtree(landing, ignore_errors=True)
    landing.mkdir()
    try:
        fetched = store.fetch(entry, landing)
    except RecordingGone as gone:
        raise UserError(f"{store.describe(entry.key)}: {gone}; start again to fetch the current files") from None
    make_durable(fetched)
    fetched.replace(mirror / _FILES / entry.key)
    landing.rmdir()


def _mirrored_files(folder: Path) -> Mapping[ListedFile, Path]:
    """Return the files of all complete mirrors, by their entries in the bucket."""
    return {
        entry: path.parent / _FILES / entry.key
        for path in folder.glob(f"*/{MirrorListing.FILE}")
        for entry in MirrorListing.read_file(path).entries
    }


def _delete_old(folder: Path, current: Path) -> None:
    """Mark the current mirror as the newest, and delete mirrors that no run reads any more."""
    (current / MirrorListing.FILE).touch()
    for mirror in folder.iterdir():
        listing = mirror / MirrorListing.FILE
        marker = listing if listing.is_file() else mirror
        if mirror.is_dir() and mirror != current and time.time() - marker.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(mirror)


def require_file_names(address: str, keys: Iterable[str]) -> None:
    """Raise UserError when a key of the bucket (which may be any text) cannot be a file in a folder."""
    names = set(keys)
    for name in sorted(names):
        path = PurePosixPath(name)
        unsafe = path.is_absolute() or ".." in path.parts or path.as_posix() != name
        if unsafe or any(parent.as_posix() in names for parent in path.parents):
            raise UserError(f"{address} holds {name!r}, which can't be a file in a folder: rename it")
