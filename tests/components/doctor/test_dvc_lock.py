"""DVC's locks: free, held, or left by a process that is gone."""

import fcntl
import json
import os
import subprocess
from pathlib import Path

import pytest

from components.doctor.project_folder import check_dvc_lock
from tests.components.doctor.findings import by_subject, statuses


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    """The folder of the locks of a project, without any."""
    folder = tmp_path / ".dvc" / "tmp"
    folder.mkdir(parents=True)
    return folder


def test_check_dvc_lock_without_holders_is_ok(locks: Path, tmp_path: Path) -> None:
    assert statuses(check_dvc_lock(tmp_path)) == {"DVC lock": "ok"}
    (locks / "lock").write_text(" 1\n")
    (locks / "rwlock").write_text('{"write": {}, "read": {}}')
    assert statuses(check_dvc_lock(tmp_path)) == {"DVC lock": "ok"}
    assert statuses(check_dvc_lock(tmp_path / "elsewhere")) == {"DVC lock": "not used"}


def test_check_dvc_lock_names_the_holder(locks: Path, tmp_path: Path) -> None:
    path = locks / "lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f" {os.getpid()}\n")
        file.flush()
        found = by_subject(check_dvc_lock(tmp_path))["DVC lock"]
    assert found.status == "warning"
    assert f"process {os.getpid()} (" in found.observation


def _dead() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_check_dvc_lock_tells_dead_foreign_and_working_holders_apart(locks: Path, tmp_path: Path) -> None:
    def status(pid: int) -> str:
        held = {"pid": pid, "cmd": "dvc repro"}
        (locks / "rwlock").write_text(json.dumps({"write": {"a": held}, "read": {"b": [held]}}))
        return statuses(check_dvc_lock(tmp_path))["DVC lock"]

    assert status(_dead()) == "ok"
    with subprocess.Popen(["sleep", "30"]) as stranger:
        assert status(stranger.pid) == "problem"
        stranger.kill()
    with subprocess.Popen(["sh", "-c", "sleep 30; : dvc repro"]) as working:
        assert status(working.pid) == "warning"
        working.kill()
    (locks / "rwlock").write_text('{"write"')
    assert statuses(check_dvc_lock(tmp_path)) == {"DVC lock": "problem"}
