"""Where recordings come from and stems go: a folder, a file, or a bucket."""

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import s3fs
from botocore.exceptions import BotoCoreError, ClientError

from components.core.audio import SUFFIXES
from components.core.errors import UserError
from components.core.files import whole_file

S3 = "s3://"
PROVENANCE = "provenance.json"
"""The file beside the stems of a recording, written last, that says where they come from."""

# A store that is down is said to be down within a minute, not after the client's default of many.
_PATIENCE = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 3, "mode": "standard"}}


class Store(ABC):
    """Files by key: `/`-separated paths below the store's root."""

    @abstractmethod
    def recordings(self) -> list[str]:
        """Return the keys of all audio files, sorted."""

    @abstractmethod
    def local_copy(self, key: str) -> Any:
        """Return a context manager that gives a local path of the file; it is not to be changed."""

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """Return what a small file holds, or None when there is none."""

    @abstractmethod
    def put(self, local: Path, key: str) -> None:
        """Store a local file under `key`, whole or not at all."""

    @abstractmethod
    def describe(self, key: str) -> str:
        """Return the address of a file as a user would write it."""


class FolderStore(Store):
    """A folder of this machine; of a single file, the folder it lies in and only this file."""

    def __init__(self, path: Path) -> None:
        self._only = path.name if path.is_file() else None
        self._root = path.parent if path.is_file() else path

    def recordings(self) -> list[str]:
        if self._only is not None:
            return [self._only]
        if not self._root.is_dir():
            raise UserError(
                f"{self._root} is neither a file nor a folder: give a recording, a folder or an s3:// address"
            )
        files = (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())
        return _recordings_among(files)

    @contextmanager
    def local_copy(self, key: str) -> Iterator[Path]:
        yield self._root / key

    def read(self, key: str) -> bytes | None:
        path = self._root / key
        return path.read_bytes() if path.is_file() else None

    def put(self, local: Path, key: str) -> None:
        try:
            with whole_file(self._root / key) as partial:
                shutil.copyfile(local, partial)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise UserError(
                f"{self._root / key} cannot be written, since a file lies where a folder must be (or the other way "
                "round): choose another destination"
            ) from None

    def describe(self, key: str) -> str:
        return str(self._root / key)


class BucketStore(Store):
    """A bucket, or a folder in one; credentials and endpoint as for any AWS client (AWS_… variables, ~/.aws)."""

    def __init__(self, address: str) -> None:
        self._root = address.removeprefix(S3).rstrip("/")
        self._files = s3fs.S3FileSystem(config_kwargs=_PATIENCE)

    def recordings(self) -> list[str]:
        with _one_line(S3 + self._root):
            found = self._files.find(self._root)
            if found == [self._root]:  # a single file
                self._root = str(PurePosixPath(self._root).parent)
        if not found:
            raise UserError(f"{S3}{self._root} holds nothing: check the bucket's name and folder")
        return _recordings_among(path.removeprefix(f"{self._root}/") for path in found)

    @contextmanager
    def local_copy(self, key: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="stemline-") as folder:
            path = Path(folder) / PurePosixPath(key).name
            with _one_line(self.describe(key)):
                self._files.get_file(f"{self._root}/{key}", str(path))
            yield path

    def read(self, key: str) -> bytes | None:
        with _one_line(self.describe(key)):
            try:
                data: bytes = self._files.cat_file(f"{self._root}/{key}")
                return data
            except FileNotFoundError:
                return None

    def put(self, local: Path, key: str) -> None:
        with _one_line(self.describe(key)):
            self._files.put_file(str(local), f"{self._root}/{key}")

    def describe(self, key: str) -> str:
        return f"{S3}{self._root}/{key}"


def open_store(address: str) -> Store:
    """Return the store at an `s3://` address or a path."""
    return BucketStore(address) if address.startswith(S3) else FolderStore(Path(address))


def _recordings_among(files: Iterable[str]) -> list[str]:
    """Return the audio files, sorted, without the stems of a destination that lies inside the source."""
    keys = [PurePosixPath(file) for file in files]
    separated = {key.parent for key in keys if key.name == PROVENANCE}
    return sorted(str(key) for key in keys if _is_audio(key) and key.parent not in separated)


def _is_audio(key: PurePosixPath) -> bool:
    return key.suffix.lower() in SUFFIXES and not key.name.startswith(".")


@contextmanager
def _one_line(where: str) -> Iterator[None]:
    """Turn what the object store's client raises into one line."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{where} does not exist: check the bucket's name and the key") from None
    except PermissionError as error:
        raise UserError(
            f"{where}: access denied ({error}): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from None
    except (BotoCoreError, ClientError, OSError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{where}: {reason} (is AWS_ENDPOINT_URL right, and the store up?)") from None
