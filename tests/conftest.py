"""For all tests: each of pytest's processes keeps to a core of its own; and real stores, a folder and a bucket.

What a test starts (a training, a pool of processes) counts the cores it may use. Without this, two tests at once would
each start threads for all cores, and wait for each other at every step.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from core.bucket import Bucket

from components.core.stores.opening import AnyStore, open_store


def pytest_configure() -> None:
    """Bind this process, and so all that it starts, to one core, when pytest-xdist runs several."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw") and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with whole pipelines: at the end a file that takes minutes would keep one process busy, and others idle."""
    items.sort(key=lambda item: "pipelines" not in item.path.parts)


@pytest.fixture(scope="module", autouse=True)
def _environment_of_the_file() -> Iterator[None]:
    """Undo what a file's tests left in the environment: MLflow writes the store that it was told into it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


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
