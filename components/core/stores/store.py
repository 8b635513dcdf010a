"""What a store is to the rest of the system."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from components.core.base.errors import Outage, UserError
from components.core.sound.decoding import SUFFIXES

S3 = "s3://"
"""How the address of a bucket begins."""

PROVENANCE = "provenance.json"
"""The file beside the stems of a recording, written last, that says where they come from."""

RECORDS = "_stemline"
"""The folder of a destination that holds what belongs to no single recording: claims, quarantine, ledgers."""


class StoreFault(UserError):  # noqa: N818
    """The store can't be used now: it does not answer, or refuses. No fault of a recording, so the job stops."""


class StoreOutage(StoreFault, Outage):
    """The store does not answer."""


class RecordingGone(UserError):  # noqa: N818
    """A recording vanished, or changed, after it was listed."""


class ListedFile(NamedTuple):
    """A file of a catalogue as listed: its key, its bytes, and a mark that changes with its content."""

    key: str
    size: int
    stamp: str


class Store(ABC):
    """Files by key: `/`-separated paths below the store's root.

    Raises StoreFault where the store as a whole does not work, OSError for faults of this machine (a full disk).
    """

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is; opens the same store. Of a single recording, once it is listed, the folder it lies in."""

    @abstractmethod
    def recordings(self) -> list[ListedFile]:
        """Return all audio files, sorted by key, without stems that an earlier job left in the store."""

    @abstractmethod
    def files(self) -> list[ListedFile]:
        """Return all files, sorted by key; raises UserError where there is no such place, or nothing in the bucket."""

    @abstractmethod
    def keys(self) -> Iterator[str]:
        """Yield the keys of all files; of none where the store has not been made yet."""

    @abstractmethod
    def names(self, key: str) -> list[str]:
        """Return the names of the files that lie directly below `key`/."""

    @abstractmethod
    def fetch(self, entry: ListedFile, folder: Path) -> Path:
        """Return a local path of the file, in `folder` where it must be copied; it is not to be changed.

        Raises Gone when it is not there any more, or not as it was listed.
        """

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """Return what a small file holds, or None when there is none."""

    @abstractmethod
    def put(self, local: Path, key: str) -> None:
        """Store a local file under `key`, whole or not at all; a file of `staging` may be moved."""

    @abstractmethod
    def write(self, key: str, data: bytes) -> None:
        """Store a small file, whole or not at all."""

    @abstractmethod
    def create(self, key: str, data: bytes) -> bool:
        """Store a small file where there is none; return False where there is one. Of several at once one succeeds.

        What was stored survives a loss of power.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete a file, if it is there."""

    @abstractmethod
    def staging(self) -> AbstractContextManager[Path]:
        """Return a context manager that gives an empty local folder, from which `put` is cheap."""

    @abstractmethod
    def sweep(self) -> None:
        """Delete what killed processes of this machine left unfinished."""

    @abstractmethod
    def describe(self, key: str) -> str:
        """Return the address of a file as a user would write it."""


def select_recordings(entries: Iterable[ListedFile]) -> list[ListedFile]:
    """Return the audio files, sorted, without the stems of a destination that lies inside the source."""
    listed = [(PurePosixPath(entry.key), entry) for entry in entries]
    separated = {path.parent for path, _ in listed if path.name == PROVENANCE}
    return sorted(
        entry for path, entry in listed if is_audio(path) and path.parent not in separated and RECORDS not in path.parts
    )


def is_audio(key: PurePosixPath) -> bool:
    """Return whether a file's name is that of a recording."""
    return key.suffix.lower() in SUFFIXES and not key.name.startswith(".")
