"""Stores on a real S3 server: keys that may do everything, only read, or nothing; buckets that are not there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.doctor.finding import Finding
from components.doctor.services.dvc_remote import check_dvc_remote
from components.doctor.services.store import check_store
from tests.support.bucket import NAME, Bucket
from tests.support.tiny_models import ROOT

pytestmark = pytest.mark.system

_READER = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "readers-secret"}


def _user(name: str, secret: str, *actions: str) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": name, "secretKey": secret}], "actions": actions}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A bucket that knows a second user, who may only read."""
    running = Bucket(tmp_path_factory.mktemp("s3"))
    (running.folder / "weed").mkdir()
    owner = _user("stemline", running.secret, "Admin", "Read", "Write", "List", "Tagging")
    reader = _user("reader", _READER["AWS_SECRET_ACCESS_KEY"], f"Read:{NAME}", f"List:{NAME}")
    users = running.folder / "users.json"
    users.write_text(json.dumps({"identities": [owner, reader]}))
    (running.folder / "weed" / "mini.options").write_text(f"s3.config={users}\n")
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _as_owner(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bucket.variables.items():
        monkeypatch.setenv(name, value)


def _seen(address: str) -> list[Finding]:
    return list(check_store(address))


@pytest.mark.parametrize("address", [f"s3://{NAME}", f"s3://{NAME}/a folder/not there yet"])
def test_its_owner_may_do_everything_and_nothing_is_left(address: str) -> None:
    found = _seen(address)
    assert [(finding.what, finding.status) for finding in found] == [(address, "ok")] * 2
    assert found[1].seen.startswith("write, read, create, delete: ")
    assert _seen(address)[0].seen == "list: empty"


def test_a_reader_is_told_what_it_may_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _READER.items():
        monkeypatch.setenv(name, value)
    *found, last = _seen(f"s3://{NAME}")
    assert [finding.seen.split(":")[0] for finding in found] == ["list", "write", "create", "delete"]
    assert [finding.status for finding in found] == ["ok", "problem", "problem", "problem"]
    assert "SOURCE" in found[1].do
    assert last.status == "ok"
    assert last.seen.startswith("read: ")


@pytest.mark.parametrize(
    ("changed", "address", "says"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, f"s3://{NAME}", "access denied"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, f"s3://{NAME}", "access denied"),
        ({}, "s3://elsewhere/folder", "s3://elsewhere does not exist"),
    ],
)
def test_wrong_keys_and_a_missing_bucket(
    changed: dict[str, str], address: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    (found,) = _seen(address)
    assert found.status == "problem"
    assert says in found.seen
    assert found.do


def test_a_folder_is_a_store_too(tmp_path: Path) -> None:
    assert [finding.status for finding in _seen(str(tmp_path / "stems"))] == ["ok", "ok"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def _project(folder: Path, remote: str = "") -> None:
    (folder / ".dvc").mkdir()
    text = "[core]\n    no_scm = True\n    analytics = false\n"
    if remote:
        text += f"    remote = mine\n['remote \"mine\"']\n    url = {remote}\n"
    (folder / ".dvc" / "config").write_text(text)


def test_the_dvc_remote_is_used_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _project(tmp_path, f"s3://{NAME}/dvc")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (found,) = check_dvc_remote()
    assert found.status == "ok", found
    assert f"s3://{NAME}/dvc" in found.seen
    assert _seen(f"s3://{NAME}/dvc")[0].seen == "list: empty"
    for name, value in _READER.items():
        monkeypatch.setenv(name, value)
    (found,) = check_dvc_remote()
    assert found.status == "problem"
    assert "Traceback" not in found.seen


def test_without_a_remote_there_is_nothing_to_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (found,) = check_dvc_remote()
    assert found.status == "not used"
