"""Multitracks in a bucket as a folder of this machine.

A mirror is named by what the bucket holds and never changes once it is whole, so a run that reads one is not disturbed
by another that makes the next. Of what an earlier mirror has nothing is fetched again, nor stored twice.
"""

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from filelock import FileLock

from components.acquire.files.download import require_space
from components.core.base.errors import UserError
from components.core.base.files import digest_parts, make_durable, whole_file, write_json
from components.core.base.progress import Progress
from components.core.stores.opening import AnyStore, open_store
from components.core.stores.store import ListedFile, RecordingGone

_FILES, _LISTING, _LANDING = "files", "listing.json", "landing"
_PARTIAL = ".partial"
_PATIENCE = 180.0  # seconds for which a store that does not answer is asked again
_KEPT = 7 * 86400.0  # seconds that a mirror stays after a newer one was made: a run may still read it
_MEGABYTE = 1e6


def mirrored(address: str, scratch: Path) -> Path:
    """Return a folder with the files of `address` (s3://bucket/folder), fetching into `scratch` what it lacks.

    Killed, it goes on where it was. Raises UserError when the bucket can't be read, holds what no folder can, or
    changes meanwhile.
    """
    store = open_store(address, _PATIENCE)
    entries = store.files()
    _require_paths(address, entries)
    home = scratch / "mirrors" / digest_parts([address])[:16]
    home.mkdir(parents=True, exist_ok=True)
    mirror = home / digest_parts("\t".join(map(str, entry)) for entry in entries)[:16]
    partial = mirror.with_name(mirror.name + _PARTIAL)
    with FileLock(home / ".lock"):  # whoever wants the same one waits for it
        if not mirror.is_dir():
            _fill(partial, store, entries, home)
            partial.rename(mirror)
        _forget_old(home, mirror)
    return mirror / _FILES


def _fill(mirror: Path, store: AnyStore, entries: list[ListedFile], home: Path) -> None:
    """Have `mirror` hold all files; those already in it were fetched by a run that was killed."""
    earlier = _earlier(home)
    missing = []
    for entry in entries:
        target = mirror / _FILES / entry.key
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_file() and target.stat().st_size == entry.size:
            continue
        if entry in earlier:
            _share(earlier[entry], target)
        else:
            missing.append(entry)
    size = sum(entry.size for entry in missing)
    require_space(mirror, size, f"fetching {store.address}")
    progress = Progress(f"fetch {store.address}", size / _MEGABYTE, "MB")
    for number, entry in enumerate(missing, start=1):
        _fetch(store, entry, mirror)
        progress.advance(entry.size / _MEGABYTE, f"{number} of {len(missing)} files")
    write_json(mirror / _LISTING, entries)


def _share(file: Path, target: Path) -> None:
    """Have a file under a second name: a link, or a copy where the file system has none."""
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
        raise UserError(f"{store.describe(entry.key)}: {gone}; start again to take what is there now") from None
    make_durable(fetched)
    fetched.replace(mirror / _FILES / entry.key)
    landing.rmdir()


def _earlier(home: Path) -> Mapping[ListedFile, Path]:
    """Return the files of all mirrors that are there, by what they were in the bucket."""
    return {
        ListedFile(*entry): listing.parent / _FILES / entry[0]
        for listing in home.glob(f"*/{_LISTING}")
        for entry in json.loads(listing.read_text(encoding="utf-8"))
    }


def _forget_old(home: Path, current: Path) -> None:
    """Delete mirrors that nobody reads any more; the current one is as new as can be."""
    (current / _LISTING).touch()
    for folder in home.iterdir():
        marker = folder / _LISTING if (folder / _LISTING).is_file() else folder
        if folder.is_dir() and folder != current and time.time() - marker.stat().st_mtime > _KEPT:
            shutil.rmtree(folder)


def _require_paths(address: str, entries: list[ListedFile]) -> None:
    """Raise UserError where keys of the bucket can't be files of a folder: a key is any text."""
    keys = {entry.key for entry in entries}
    for key in sorted(keys):
        path = PurePosixPath(key)
        unsafe = path.is_absolute() or ".." in path.parts or path.as_posix() != key
        if unsafe or any(parent.as_posix() in keys for parent in path.parents):
            raise UserError(f"{address} holds {key!r}, which can't be a file in a folder: rename it")
