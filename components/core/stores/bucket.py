"""A bucket of an S3 store, or a folder in a bucket."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import s3fs
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from components.core.base.errors import UserError
from components.core.stores.selection import ListedFile
from components.core.stores.staging import staging_folder, sweep
from components.core.stores.store import (
    S3,
    RecordingGone,
    RecordingRefused,
    Store,
    StoreFault,
    StoreOutage,
)

_LIMITS = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 3, "mode": "standard"}}
_STAGING = Path(tempfile.gettempdir()) / "stemline"
_OTHERS_TO_TRY = 3
_USUAL_CLASS = "STANDARD"
_DENIED_PATIENCE = 10.0  # seconds; a store that has just started may not know its users yet

Result = TypeVar("Result")


class BucketStore(Store):
    """A bucket; credentials and endpoint come from where AWS clients look (AWS_… variables, ~/.aws).

    A store that does not answer is tried again for `patience` seconds; then methods raise StoreOutage.
    """

    def __init__(self, address: str, patience: float) -> None:
        self._root = address.removeprefix(S3).strip("/")
        self._patience, self._is_single = patience, False
        self._files = s3fs.S3FileSystem(config_kwargs=_LIMITS, use_listings_cache=False, skip_instance_cache=True)

    @property
    def root(self) -> PurePosixPath:
        """The bucket's name and the folder in it."""
        return PurePosixPath(self._root)

    @property
    def address(self) -> str:
        return f"{S3}{self._root}"

    @property
    def is_single(self) -> bool:
        return self._is_single

    def files(self) -> list[ListedFile]:
        found = list(self._list(f"{self._root}/")) or self._single_file()
        if not found:
            raise UserError(f"{S3}{self._root} holds nothing: check the bucket's name and folder")
        return sorted(found)

    def keys(self) -> Iterator[str]:
        for entry in self._list(f"{self._root}/"):
            yield entry.key

    def names(self, key: str) -> list[str]:
        below = f"{self._root}/{key}/"
        entries = self._list(below)
        names = (f"{self._root}/{entry.key}".removeprefix(below) for entry in entries)
        return [name for name in names if "/" not in name]

    def fetch(self, entry: ListedFile, folder: Path) -> Path:
        path = folder / f"source{PurePosixPath(entry.key).suffix}"  # a key may be longer than a file name
        try:
            self._call(entry.key, lambda: self._get(entry, path))
        except FileNotFoundError:
            raise RecordingGone("it was deleted after it was listed") from None
        if path.stat().st_size != entry.size:
            raise RecordingGone(f"it has {path.stat().st_size} bytes now, and had {entry.size} when it was listed")
        return path

    def _get(self, entry: ListedFile, path: Path) -> None:
        try:
            self._files.get_file(f"{self._root}/{entry.key}", str(path))
        except PermissionError as error:
            if _error_code(error) == _ARCHIVED_CODE:
                where = entry.storage or "an archive class"
                raise RecordingRefused(f"it is archived ({where}): restore it in the bucket, then try again") from None
            if self._gives_another(entry.key):
                raise RecordingRefused("access to it is denied, and others can be read: check its policy") from None
            raise

    def _gives_another(self, key: str) -> bool:
        """Return whether one of a few other files can be read."""
        others = (entry.key for entry in self._list(f"{self._root}/") if entry.key != key and not entry.storage)
        for other in islice(others, _OTHERS_TO_TRY):
            with suppress(PermissionError):
                self._files.cat_file(f"{self._root}/{other}", start=0, end=1)
                return True
        return False

    def read(self, key: str) -> bytes | None:
        try:
            data: bytes = self._call(key, lambda: self._files.cat_file(f"{self._root}/{key}"))
            return data
        except FileNotFoundError:
            return None

    def put(self, local: Path, key: str) -> None:
        self._call(key, lambda: self._files.put_file(str(local), f"{self._root}/{key}"))

    def write(self, key: str, data: bytes) -> None:
        self._call(key, lambda: self._files.pipe_file(f"{self._root}/{key}", data))

    def create(self, key: str, data: bytes) -> bool:
        bucket, name, _ = self._files.split_path(f"{self._root}/{key}")

        def put() -> None:
            try:
                self._files.call_s3("put_object", Bucket=bucket, Key=name, Body=data, IfNoneMatch="*")
            except OSError as error:
                if _error_code(error) in _EXISTS_CODES:
                    raise FileExistsError(key) from None
                raise

        try:
            self._call(key, put)
        except FileExistsError:
            # perhaps this call made it, and the response to its first try was lost
            return self.read(key) == data
        return True

    def delete(self, key: str) -> None:
        bucket, name, _ = self._files.split_path(f"{self._root}/{key}")
        self._call(key, lambda: self._files.call_s3("delete_object", Bucket=bucket, Key=name))

    def staging(self) -> AbstractContextManager[Path]:
        return staging_folder(_STAGING)

    def sweep(self) -> None:
        sweep(_STAGING)

    def describe(self, key: str) -> str:
        return f"{S3}{self._root}/{key}"

    def _list(self, prefix: str) -> Iterator[ListedFile]:
        """Yield the files below `prefix`, which begins with the bucket; keys are relative to the root."""
        bucket, below, _ = self._files.split_path(prefix)
        token: dict[str, str] = {}
        while True:
            page = self._page(bucket, below, token)
            for item in page.get("Contents", []):
                key = f"{bucket}/{item['Key']}".removeprefix(f"{self._root}/")
                if not key.endswith("/"):  # a placeholder that some tools create for a folder
                    yield ListedFile(key, item["Size"], item["ETag"].strip('"'), _storage_class(item))
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _page(self, bucket: str, below: str, token: dict[str, str]) -> Any:
        try:
            return self._call("", lambda: self._files.call_s3("list_objects_v2", Bucket=bucket, Prefix=below, **token))
        except FileNotFoundError:
            raise UserError(f"{S3}{bucket} does not exist: check the bucket's name") from None

    def _single_file(self) -> list[ListedFile]:
        """Return the root as the only file if it names one, and make its folder the root."""
        path = PurePosixPath(self._root)
        try:
            found = self._call("", lambda: self._files.info(self._root))
        except FileNotFoundError:
            return []
        if found["type"] != "file":
            return []
        self._root, self._is_single = str(path.parent), True
        return [ListedFile(path.name, found["size"], found["ETag"].strip('"'))]

    def _call(self, key: str, call: Callable[[], Result]) -> Result:
        """Repeat `call` until the store answers; FileNotFoundError and FileExistsError are answers."""
        began, wait = time.monotonic(), 0.5
        while True:
            try:
                return call()
            except (FileNotFoundError, FileExistsError):
                raise
            except Exception as error:
                fault = self._translate(key, error)
                if fault is None:
                    raise
                patience = min(self._patience, _DENIED_PATIENCE) if _is_access_denied(error) else self._patience
                if time.monotonic() - began + wait > patience:
                    raise fault from None
                if wait == 0.5:
                    print(f"waiting for the store: {fault}", file=sys.stderr, flush=True)
            time.sleep(wait)
            wait = min(2 * wait, 5.0)

    def _translate(self, key: str, error: Exception) -> StoreFault | None:
        """Return an error of the store's client as one line; None for an error that is not the store's."""
        where = self.describe(key).rstrip("/")
        if _is_access_denied(error):
            hint = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may do"
            return StoreFault(f"{where}: access denied ({' '.join(str(error).split())}): {hint}")
        if isinstance(error, BotoCoreError | ClientError | OSError | TimeoutError) and not _is_local(error):
            reason = " ".join(str(error).split()) or type(error).__name__
            return StoreOutage(f"{where}: {reason} (is AWS_ENDPOINT_URL right, and the store up?)")
        return None


_EXISTS_CODES = ("PreconditionFailed", "412")
_ARCHIVED_CODE = "InvalidObjectState"


def _storage_class(item: Mapping[str, Any]) -> str:
    storage = str(item.get("StorageClass", _USUAL_CLASS))
    return "" if storage == _USUAL_CLASS else storage


def _error_code(error: Exception) -> str:
    """Return the store's error code, which the client has hidden in the cause."""
    cause = error.__cause__
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""


def _is_access_denied(error: Exception) -> bool:
    return isinstance(error, PermissionError | NoCredentialsError | PartialCredentialsError)


def _is_local(error: Exception) -> bool:
    """Return whether this machine's disk is at fault: errors of the client name no file."""
    return isinstance(error, OSError) and error.filename is not None
