"""The DVC remote on a real S3 server: with all rights, with read rights only, and without a remote."""

from pathlib import Path

import pytest

from components.doctor.services.dvc_remote import check_dvc_remote
from components.doctor.services.store import check_store
from tests.components.doctor.services.conftest import READER
from tests.support.bucket import NAME
from tests.support.tiny_models import ROOT

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("as_owner")]


def _project(folder: Path, remote: str = "") -> None:
    (folder / ".dvc").mkdir()
    text = "[core]\n    no_scm = True\n    analytics = false\n"
    if remote:
        text += f"    remote = mine\n['remote \"mine\"']\n    url = {remote}\n"
    (folder / ".dvc" / "config").write_text(text)


def test_check_dvc_remote_writes_and_deletes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _project(tmp_path, f"s3://{NAME}/dvc")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (found,) = check_dvc_remote()
    assert found.status == "ok", found
    assert f"s3://{NAME}/dvc" in found.observation
    assert next(iter(check_store(f"s3://{NAME}/dvc"))).observation == "list: empty"
    for name, value in READER.items():
        monkeypatch.setenv(name, value)
    (found,) = check_dvc_remote()
    assert found.status == "problem"
    assert "Traceback" not in found.observation


def test_check_dvc_remote_without_a_remote_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (found,) = check_dvc_remote()
    assert found.status == "not used"
