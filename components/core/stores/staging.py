"""Staging folders for unfinished files: each process has its own, and deletes those of dead processes."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.core.base.files import in_shared_folder, remove_if_empty
from components.core.stores.process_owner import Owner, owner_from_label


@contextmanager
def staging_folder(root: Path) -> Iterator[Path]:
    """Yield a new empty folder below `root`, and delete it at the end."""
    own = root / Owner.this().label
    folder = in_shared_folder(own, lambda: Path(tempfile.mkdtemp(dir=own)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        remove_if_empty(own)
        remove_if_empty(root)


def sweep(root: Path) -> None:
    """Delete the folders below `root` whose processes are dead."""
    for name in _names(root):
        folder, owner = root / name, owner_from_label(name)
        if owner is not None and owner.is_dead:
            shutil.rmtree(folder, ignore_errors=True)
    remove_if_empty(root)


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except FileNotFoundError:  # another process swept it, and removed it when it was empty
        return []
