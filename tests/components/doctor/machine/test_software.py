"""Packages and programs: present, missing, or of the wrong version."""

import json
from pathlib import Path

import pytest

from components.core.base.errors import UserError
from components.doctor.finding import Status
from components.doctor.machine import software
from tests.components.doctor.findings import by_subject, statuses


def _pyproject(folder: Path, python: str, *lines: str, extra: str = "pytest>1") -> Path:
    path = folder / "pyproject.toml"
    path.write_text(
        f'[project]\nname = "x"\nrequires-python = "{python}"\ndependencies = {json.dumps(lines)}\n'
        f"[project.optional-dependencies]\nmore = [{json.dumps(extra)}]\n"
    )
    return path


@pytest.mark.parametrize(
    ("python", "lines", "extra", "expected"),
    [
        (">=3.11", ("pytest", "numpy>1"), "pytest>1", {"Python": "ok", "packages": "ok", "extra more": "ok"}),
        (">=4", ("pytest",), "pytest", {"Python": "problem", "packages": "ok", "extra more": "ok"}),
        (">=3", ("pytest==0.1",), "pytest", {"Python": "ok", "pytest": "problem", "extra more": "ok"}),
        (">=3", ("no-such-package",), "pytest", {"Python": "ok", "no-such-package": "problem", "extra more": "ok"}),
        (">=3", ("pytest",), "no-such-package", {"Python": "ok", "packages": "ok", "extra more": "not used"}),
        (">=3", ("pytest",), "pytest==0.1", {"Python": "ok", "packages": "ok", "extra more": "warning"}),
    ],
)
def test_check_packages_compares_versions_with_requirements(
    python: str,
    lines: tuple[str, ...],
    extra: str,
    expected: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(software, "PROJECT", _pyproject(tmp_path, python, *lines, extra=extra))
    assert statuses(software.check_packages()) == expected


def test_check_packages_accepts_a_local_build_of_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software, "PROJECT", _pyproject(tmp_path, ">=3", "torch==2.13.0"))
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.13.0+cu130")
    assert statuses(software.check_packages())["packages"] == "ok"


def test_check_packages_reads_the_metadata_of_an_installed_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software, "PROJECT", Path("/nowhere"))
    found = statuses(software.check_packages())
    assert found["Python"] == "ok"
    assert {"extra postgres", "extra systems"} <= set(found)
    assert "extra dev" not in found


# programs


def test_check_programs_finds_and_starts_them() -> None:
    assert statuses(software.check_programs()) == {"ffmpeg": "ok", "ffprobe": "ok", "git": "ok"}


def test_check_programs_reports_missing_and_broken_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)

    def find(name: str) -> str:
        if name == "ffprobe":
            raise UserError("ffprobe is not on PATH: install it")
        return str(broken)

    monkeypatch.setattr(software, "find_tool", find)
    monkeypatch.setattr("shutil.which", lambda name: None)
    found = by_subject(software.check_programs())
    assert {finding.status for finding in found.values()} == {Status.PROBLEM}
    assert "does not start" in found["ffmpeg"].observation
    assert found["ffprobe"].remedy == "ffprobe is not on PATH: install it"
