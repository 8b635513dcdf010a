"""An S3 server whose bucket has an owner and a reader."""

import json
from collections.abc import Iterator

import pytest

from tests.support.bucket import NAME, Bucket

READER = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "readers-secret"}


def _user(name: str, secret: str, *actions: str) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": name, "secretKey": secret}], "actions": actions}


@pytest.fixture(scope="package")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A bucket with a second user who may only read."""
    running = Bucket(tmp_path_factory.mktemp("s3"))
    (running.folder / "weed").mkdir()
    owner = _user("stemline", running.secret, "Admin", "Read", "Write", "List", "Tagging")
    reader = _user("reader", READER["AWS_SECRET_ACCESS_KEY"], f"Read:{NAME}", f"List:{NAME}")
    users = running.folder / "users.json"
    users.write_text(json.dumps({"identities": [owner, reader]}))
    (running.folder / "weed" / "mini.options").write_text(f"s3.config={users}\n")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def as_owner(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables of the bucket's owner."""
    for name, value in bucket.variables.items():
        monkeypatch.setenv(name, value)
