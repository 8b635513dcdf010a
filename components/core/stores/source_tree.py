"""The files below a source's folder; links to folders are followed once."""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from components.core.base.errors import UserError


@dataclass
class SourceTree:
    """The keys of files, of folders with nothing in them, and of links to folders that are listed already."""

    root: Path
    files: list[str] = field(default_factory=list)
    empty_folders: list[str] = field(default_factory=list)
    repeated_folders: list[str] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)

    def key(self, path: Path) -> str:
        """Return the key of a file or folder."""
        return path.relative_to(self.root).as_posix()


def walk_source(root: Path) -> SourceTree:
    """Return the files and links below `root`; raises UserError when it is no folder.

    A folder that is linked as well is listed where it really lies; so links that form a circle end.
    """
    require_folder(root)
    tree = SourceTree(root)
    waiting = deque([root])
    while waiting:
        waiting.extend(_walk(tree, waiting.popleft()))
    return tree


def _walk(tree: SourceTree, start: Path) -> Iterator[Path]:
    """Add the files below `start`, and yield the links to folders there."""
    if _is_repeated(tree, start):
        return
    for name, folders, names in os.walk(start):
        folder = Path(name)
        tree.files += [tree.key(folder / name) for name in names]
        if not names and not folders:
            tree.empty_folders.append(tree.key(folder))
        links = sorted(name for name in folders if (folder / name).is_symlink())
        yield from (folder / name for name in links)
        folders[:] = [name for name in folders if name not in links and not _is_repeated(tree, folder / name)]


def _is_repeated(tree: SourceTree, folder: Path) -> bool:
    """Return whether the folder was seen before, under this or another name, and remember it."""
    state = folder.stat()
    identity = (state.st_dev, state.st_ino)
    if identity in tree.seen:
        tree.repeated_folders.append(tree.key(folder))
        return True
    tree.seen.add(identity)
    return False


def require_folder(root: Path) -> None:
    """Raise UserError when `root` is no folder."""
    if not root.is_dir():
        raise UserError(f"{root} is neither a file nor a folder: give a recording, a folder or an s3:// address")
