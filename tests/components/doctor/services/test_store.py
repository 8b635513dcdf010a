"""Stores on a real S3 server: keys with all rights, read rights or none, and missing buckets."""

from pathlib import Path

import pytest

from components.doctor.finding import Finding
from components.doctor.services.store import check_store
from tests.components.doctor.services.conftest import READER
from tests.support.bucket import NAME

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("as_owner")]


def _check(address: str) -> list[Finding]:
    return list(check_store(address))


@pytest.mark.parametrize("address", [f"s3://{NAME}", f"s3://{NAME}/a folder/not there yet"])
def test_check_store_of_an_owner_is_ok_and_leaves_nothing(address: str) -> None:
    found = _check(address)
    assert [(finding.subject, finding.status) for finding in found] == [(address, "ok")] * 2
    assert found[1].observation.startswith("write, read, create, delete: ")
    assert _check(address)[0].observation == "list: empty"


def test_check_store_names_the_rights_that_a_reader_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in READER.items():
        monkeypatch.setenv(name, value)
    *found, last = _check(f"s3://{NAME}")
    assert [finding.observation.split(":")[0] for finding in found] == ["list", "write", "create", "delete"]
    assert [finding.status for finding in found] == ["ok", "problem", "problem", "problem"]
    assert "SOURCE" in found[1].remedy
    assert last.status == "ok"
    assert last.observation.startswith("read: ")


@pytest.mark.parametrize(
    ("changed", "address", "says"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, f"s3://{NAME}", "access denied"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, f"s3://{NAME}", "access denied"),
        ({}, "s3://elsewhere/folder", "s3://elsewhere does not exist"),
    ],
)
def test_check_store_reports_wrong_keys_and_a_missing_bucket(
    changed: dict[str, str], address: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    (found,) = _check(address)
    assert found.status == "problem"
    assert says in found.observation
    assert found.remedy


def test_check_store_accepts_a_folder(tmp_path: Path) -> None:
    assert [finding.status for finding in _check(str(tmp_path / "stems"))] == ["ok", "ok"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
