"""git: the commit and the uncommitted changes."""

import subprocess
from pathlib import Path

from components.doctor.project_folder import check_repository
from tests.components.doctor.findings import by_subject, statuses


def _git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_check_repository_needs_a_commit_and_warns_of_changes(tmp_path: Path) -> None:
    assert statuses(check_repository(tmp_path)) == {"git": "problem"}
    _git(tmp_path, "init")
    assert statuses(check_repository(tmp_path)) == {"git": "problem"}
    (tmp_path / "a").write_text("1")
    _git(tmp_path, "add", "a")
    _git(tmp_path, "commit", "-m", "a")
    (tmp_path / "untracked").touch()
    assert statuses(check_repository(tmp_path)) == {"git": "ok"}
    (tmp_path / "a").write_text("2")
    found = by_subject(check_repository(tmp_path))["git"]
    assert found.status == "warning"
    assert "1 changed files (a)" in found.observation
