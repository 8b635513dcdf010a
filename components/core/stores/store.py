"""The interface of a store, and the types that go with it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from components.core.base.errors import Outage, UserError
from components.core.stores.selection import ListedFile, Selection, select

S3 = "s3://"
"""The beginning of a bucket's address."""


class StoreFault(UserError):  # noqa: N818
    """The store can't be used: it does not answer, or denies access. No recording is at fault, so the job stops."""


class StoreOutage(StoreFault, Outage):
    """The store does not answer."""


class RecordingGone(UserError):  # noqa: N818
    """A recording was deleted or changed after it was listed."""


class RecordingRefused(UserError):  # noqa: N818
    """The store refuses this recording but gives others: it is archived, or has its own access policy."""


class Store(ABC):
    """Files by key: `/`-separated paths below the store's root.

    Methods raise StoreFault when the store does not work, and OSError for faults of this machine, such as a full disk.
    """

    @property
    @abstractmethod
    def address(self) -> str:
        """The address that opens the same store; for a single recording that was listed, the address of its folder."""

    def select(self) -> Selection:
        """Choose the recordings, without stems that an earlier job left in the store, and name what is passed over.

        A store of a single file has that as its recording, whatever it is called.
        """
        entries = self.files()
        return Selection(entries) if self.is_single else select(entries, self.holds_audio)

    def recordings(self) -> list[ListedFile]:
        """Return the recordings that `select` chooses, sorted by key."""
        return self.select().recordings

    @property
    @abstractmethod
    def is_single(self) -> bool:
        """Whether the address is that of a single file; a bucket knows it after `files`."""

    def holds_audio(self, key: str) -> bool:
        """Return whether a file whose name says nothing begins like a recording; False where that is not looked at."""
        return False

    @abstractmethod
    def files(self) -> list[ListedFile]:
        """Return all files, sorted by key; raises UserError when there is no such folder, or the bucket is empty."""

    @abstractmethod
    def keys(self) -> Iterator[str]:
        """Yield the keys of all files; none when the store does not exist yet."""

    @abstractmethod
    def names(self, key: str) -> list[str]:
        """Return the names of the files directly below `key`/."""

    @abstractmethod
    def fetch(self, entry: ListedFile, folder: Path) -> Path:
        """Return a local path of the file, which callers must not change; a file of a bucket is copied to `folder`.

        Raises RecordingGone when the file was deleted or changed since it was listed, and RecordingRefused when the
        store gives other files but not this one.
        """

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """Return the content of a small file; None when there is none."""

    @abstractmethod
    def put(self, local: Path, key: str) -> None:
        """Store a local file under `key`, completely or not at all; a file of `staging` may be moved."""

    @abstractmethod
    def write(self, key: str, data: bytes) -> None:
        """Store a small file, completely or not at all."""

    @abstractmethod
    def create(self, key: str, data: bytes) -> bool:
        """Store a small file unless it exists; return whether it was stored.

        Of several callers at the same time exactly one succeeds. The file survives a loss of power.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete a file if it exists."""

    @abstractmethod
    def staging(self) -> AbstractContextManager[Path]:
        """Return a context manager for an empty local folder, from which `put` is cheap."""

    @abstractmethod
    def sweep(self) -> None:
        """Delete the staging folders that killed processes of this machine left."""

    @abstractmethod
    def describe(self, key: str) -> str:
        """Return the address of a file, as a user writes it."""
