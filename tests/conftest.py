"""Fixtures for all tests: template databases, a clean environment for each file, buckets and stores."""

from tests.support import one_core  # noqa: F401, I001  (before all that has threads)

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.support.bucket import Bucket
from tests.support.databases import Templates
from tests.support.hypothesis_profiles import load_hypothesis_profile

from components.core.base.garbage_collection import exclude_imports_from_collection
from components.core.stores.opening import AnyStore, open_store

pytest_plugins = ["tests.support.longest_first"]
load_hypothesis_profile()


def pytest_configure() -> None:
    """Accept interrupts again, which a shell makes its background processes ignore, and keep compiled modules.

    Tests start hundreds of Python processes, and each would compile the project's modules again.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every system test and every soak test as slow too, so that `-m "not slow"` leaves out all of them."""
    for item in items:
        if item.get_closest_marker("system") or item.get_closest_marker("soak"):
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """Switch on the garbage collector, which one_core.py switched off, but leave out what was imported."""
    exclude_imports_from_collection()


@pytest.fixture(scope="session", autouse=True)
def _template_databases(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    own = tmp_path_factory.getbasetemp()
    Templates.folder = (own if worker_id == "master" else own.parent) / "templates"


@pytest.fixture(scope="module", autouse=True)
def _environment_of_the_file() -> Iterator[None]:
    """Restore the environment and the number of torch's threads after the tests of a file."""
    before, threads = dict(os.environ), torch.get_num_threads()
    yield
    os.environ.clear()
    os.environ.update(before)
    torch.set_num_threads(threads)


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    """A bucket `music` on an S3 server of this machine. The server asks for credentials, and the test may stop it."""
    running = Bucket(tmp_path)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def shared_bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """One bucket for all tests of a process. A test must not stop it, and writes to a folder of its own."""
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


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder for ONNX files that all test processes share."""
    pytest.importorskip("onnxscript")
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "onnx"
    folder.mkdir(exist_ok=True)
    return folder
