"""Staging folders: each process has its own for unfinished files, and deletes those of dead processes."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.core.stores.owner import Owner, owner_from_label


@contextmanager
def staging_folder(root: Path) -> Iterator[Path]:
    """Yield a new empty folder below `root`, and delete it at the end."""
    own = root / Owner.this().label
    folder = _new_folder(own)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _remove_if_empty(own)
        _remove_if_empty(root)


def sweep(root: Path) -> None:
    """Delete the folders below `root` whose processes are dead."""
    if not root.is_dir():
        return
    for folder in root.iterdir():
        owner = owner_from_label(folder.name)
        if owner is not None and owner.is_dead:
            shutil.rmtree(folder, ignore_errors=True)
    _remove_if_empty(root)


def _new_folder(own: Path) -> Path:
    while True:
        own.mkdir(parents=True, exist_ok=True)
        try:
            return Path(tempfile.mkdtemp(dir=own))
        except FileNotFoundError:
            continue  # another thread deleted the empty folder in between


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # it is not empty: another thread or process uses it
