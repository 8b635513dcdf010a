"""Opens the store at an address."""

from pathlib import Path
from typing import TYPE_CHECKING, Union

from components.core.base.errors import UserError
from components.core.stores.folder import FolderStore
from components.core.stores.store import S3

if TYPE_CHECKING:
    from components.core.stores.bucket import BucketStore

AnyStore = Union[FolderStore, "BucketStore"]


def open_store(address: str, patience: float = 20.0) -> AnyStore:
    """Return the store at an `s3://` address or a path.

    A bucket that does not answer is tried again for `patience` seconds.
    """
    if address.startswith(S3):
        from components.core.stores.bucket import BucketStore  # imported here: s3fs takes half a second

        return BucketStore(address, patience)
    return FolderStore(Path(address))


def folder_within(source: AnyStore, destination: AnyStore) -> str:
    """Return the destination's folder within the source, such as `a/b/`; empty when it lies outside.

    Raises UserError when source and destination are the same.
    """
    if type(source) is not type(destination):
        return ""
    outer, inner = _root_path(source), _root_path(destination)
    if outer == inner:
        raise UserError(f"source and destination are both {source.describe('')}: give another destination")
    return f"{inner.relative_to(outer).as_posix()}/" if inner.is_relative_to(outer) else ""


def _root_path(store: AnyStore) -> Path:
    return store.root.resolve() if isinstance(store, FolderStore) else Path(store.root)
