"""A folder of this machine, or a mounted one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path, PurePosixPath

from components.core.base.errors import UserError
from components.core.base.files import in_shared_folder, make_durable, remove_if_empty, whole_file
from components.core.sound.audio_file_recognition import is_named_like_audio, is_recording
from components.core.stores.selection import RECORDS, ListedFile, Selection, select
from components.core.stores.source_tree import require_folder, walk_source
from components.core.stores.staging import staging_folder, sweep
from components.core.stores.store import RecordingGone, Store

_STAGING = "staging"


class FolderStore(Store):
    """A folder; or a single file, as the only file of its folder."""

    def __init__(self, path: Path) -> None:
        self._only = path.name if path.is_file() else None
        self.root = path.parent if path.is_file() else path
        self._staging = self.root / RECORDS / _STAGING

    @property
    def address(self) -> str:
        return str(self.root)

    @property
    def is_single(self) -> bool:
        return self._only is not None

    def select(self) -> Selection:
        if self.is_single:
            return Selection(self.files())
        tree = walk_source(self.root)
        selection = select([_entry(self.root / key, key) for key in tree.files], self.holds_audio)
        empty = [ListedFile(key, 0, "folder") for key in tree.empty_folders if is_named_like_audio(PurePosixPath(key))]
        linked = dict.fromkeys(tree.repeated_folders, "folders linked twice or in a circle")
        return Selection(sorted([*selection.recordings, *empty]), selection.passed_over | linked)

    def holds_audio(self, key: str) -> bool:
        return is_recording(self.root / key)

    def files(self) -> list[ListedFile]:
        if self._only is not None:
            return [_entry(self.root / self._only, self._only)]
        require_folder(self.root)
        return sorted(_entry(self.root / key, key) for key in self.keys())

    def keys(self) -> Iterator[str]:
        for folder, _, names in os.walk(self.root):
            below = Path(folder).relative_to(self.root)
            yield from ((below / name).as_posix() for name in names)

    def names(self, key: str) -> list[str]:
        folder = self.root / key
        return sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []

    def fetch(self, entry: ListedFile, folder: Path) -> Path:
        path = self.root / entry.key
        if not os.path.lexists(path):
            raise RecordingGone("it was deleted after it was listed")
        return path

    def read(self, key: str) -> bytes | None:
        try:
            return (self.root / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def put(self, local: Path, key: str) -> None:
        with _name_conflicts(self.root / key), whole_file(self.root / key) as partial:
            if local.is_relative_to(self._staging):
                local.replace(partial)
            else:
                shutil.copyfile(local, partial)

    def write(self, key: str, data: bytes) -> None:
        with _name_conflicts(self.root / key), whole_file(self.root / key) as partial:
            partial.write_bytes(data)

    def create(self, key: str, data: bytes) -> bool:
        path = self.root / key
        with _name_conflicts(path), _durable_names(path), self.staging() as folder:
            whole = folder / "whole"
            whole.write_bytes(data)
            make_durable(whole)
            try:
                # atomic, and fails where a file exists
                in_shared_folder(path.parent, lambda: os.link(whole, path))
            except FileExistsError:
                if path.parent.is_dir():
                    return False
                raise
            return True

    def delete(self, key: str) -> None:
        path = self.root / key
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
        if path.parent.parent == self.root / RECORDS / "claims":
            remove_if_empty(path.parent)

    def staging(self) -> AbstractContextManager[Path]:
        return staging_folder(self._staging)

    def sweep(self) -> None:
        sweep(self._staging)

    def describe(self, key: str) -> str:
        return str(self.root / key)


@contextmanager
def _durable_names(path: Path) -> Iterator[None]:
    """Make the name of a new file, and of the folders created for it, survive a loss of power."""
    missing = [folder for folder in path.parents if not folder.is_dir()]
    yield
    with suppress(FileNotFoundError):  # a claim that was released meanwhile
        for folder in (path.parent, *(folder.parent for folder in missing)):
            make_durable(folder)


def _entry(path: Path, key: str) -> ListedFile:
    try:
        state = path.stat()
    except OSError:  # a broken link, which the job counts too
        return ListedFile(key, 0, "unreadable")
    return ListedFile(key, state.st_size, str(state.st_mtime_ns))


@contextmanager
def _name_conflicts(path: Path) -> Iterator[None]:
    """Raise UserError, one line, when a file lies where a folder must be, or a folder where a file must be."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise UserError(
            f"{path} can't be written: a file lies where a folder must be, or a folder where a file must be: "
            "choose another destination"
        ) from None
