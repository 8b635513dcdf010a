"""Tiny networks on one thread: threads of a few samples only wait for each other, and for what else runs here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from components.separate.stores.opening import AnyStore, open_store

from .bucket import Bucket


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    """A bucket `music` on a server of this machine that asks for credentials."""
    running = Bucket(tmp_path)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def shared_bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """The same for all tests of a file, for those that leave it as it was."""
    running = Bucket(tmp_path_factory.mktemp("s3"))
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnyStore]:
    """An empty store: a folder, and a folder of a bucket."""
    if request.param == "folder":
        yield open_store(str(tmp_path / "store"))
        return
    bucket: Bucket = request.getfixturevalue("shared_bucket")
    for name, value in bucket.variables.items():
        monkeypatch.setenv(name, value)
    yield open_store(f"s3://music/{tmp_path.name}/store")
