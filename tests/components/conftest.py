"""Real stores for tests: a folder, and a bucket of an S3 server on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from core.bucket import Bucket

from components.core.stores.opening import AnyStore, open_store


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
