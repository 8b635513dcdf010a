"""Packages, programs, devices, memory, disks and the project: what is there, and what is wrong with it."""

import fcntl
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.core.base.errors import UserError
from components.doctor.finding import Status
from components.doctor.machine import devices, disk, memory, packages, programs
from components.doctor.project import params
from components.doctor.project.dvc_lock import check_dvc_lock
from components.doctor.project.repository import check_repository
from tests.components.doctor.seeing import by_name, statuses
from tests.support.tiny_models import ROOT

# packages


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
def test_versions_are_compared_with_the_pins(
    python: str,
    lines: tuple[str, ...],
    extra: str,
    expected: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packages, "PROJECT", _pyproject(tmp_path, python, *lines, extra=extra))
    assert statuses(packages.check_packages()) == expected


def test_a_build_of_torch_fits_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PROJECT", _pyproject(tmp_path, ">=3", "torch==2.13.0"))
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.13.0+cu130")
    assert statuses(packages.check_packages())["packages"] == "ok"


def test_installed_as_a_package_its_own_wishes_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PROJECT", Path("/nowhere"))
    found = statuses(packages.check_packages())
    assert found["Python"] == "ok"
    assert {"extra postgres", "extra systems"} <= set(found)
    assert "extra dev" not in found


# programs


def test_programs_are_found_and_started() -> None:
    assert statuses(programs.check_programs()) == {"ffmpeg": "ok", "ffprobe": "ok", "git": "ok"}


def test_programs_that_are_missing_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)

    def find(name: str) -> str:
        if name == "ffprobe":
            raise UserError("ffprobe is not on PATH: install it")
        return str(broken)

    monkeypatch.setattr(programs, "find_tool", find)
    monkeypatch.setattr("shutil.which", lambda name: None)
    found = by_name(programs.check_programs())
    assert {finding.status for finding in found.values()} == {Status.PROBLEM}
    assert "does not start" in found["ffmpeg"].seen
    assert found["ffprobe"].do == "ffprobe is not on PATH: install it"


# devices

_GPU = {"name": "A GPU", "memory": 80e9, "free": 79e9}
_TORCH = {"version": "2.13.0", "cuda": "", "nccl": "", "processor": "AVX2", "bf16": False, "gpus": []}


def _devices(monkeypatch: pytest.MonkeyPatch, by_driver: int = 0, **seen: object) -> dict[str, str]:
    ranks = []

    def run(module: str, *arguments: str, seconds: float) -> str:
        if module.endswith("probe"):
            return json.dumps(_TORCH | seen)
        ranks.append(arguments[:3])
        return "0.01"

    monkeypatch.setattr(devices, "run_module", run)
    monkeypatch.setattr(devices, "_names_by_driver", lambda: ["A GPU"] * by_driver)
    found = statuses(devices.check_devices())
    return found | {"ranks": " ".join(sorted("/".join(rank) for rank in ranks))}


def test_a_machine_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {"torch": "ok", "GPUs": "not used", "bf16": "not used", "gloo": "ok", "ranks": "gloo/0/2 gloo/1/2"}
    assert _devices(monkeypatch) == expected


@pytest.mark.parametrize(("count", "ranks"), [(1, "nccl/0/1"), (2, "nccl/0/2 nccl/1/2"), (8, "nccl/0/2 nccl/1/2")])
def test_gpus_are_told_and_tried_together(count: int, ranks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _devices(monkeypatch, count, cuda="13.0", bf16=True, gpus=[_GPU] * count)
    assert found.pop("ranks") == ranks
    assert set(found) == {"torch", "bf16", "NCCL", *(f"GPU {number}" for number in range(count))}
    assert set(found.values()) == {"ok"}


def test_gpus_that_torch_does_not_see_or_others_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _devices(monkeypatch, by_driver=2)["GPUs"] == "warning"
    found = _devices(monkeypatch, by_driver=2, cuda="13.0", gpus=[_GPU | {"free": 1e9}])
    assert found["GPUs"] == found["GPU 0"] == "warning"


def test_torch_that_does_not_start_is_one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(module: str, *arguments: str, seconds: float) -> str:
        raise UserError(f"{module} crashed (SIGILL)")

    monkeypatch.setattr(devices, "run_module", run)
    assert statuses(devices.check_devices()) == {"torch": "problem"}


# memory and disks


@pytest.mark.parametrize(("gigabytes", "status"), [(16.0, "ok"), (2.5, "warning"), (1.0, "problem")])
def test_memory_is_shared_among_the_workers(gigabytes: float, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=gigabytes * 1e9))
    monkeypatch.setattr(memory, "available_cores", lambda: 2)
    monkeypatch.setattr(memory, "_free_in_container", lambda: float("inf"))
    assert statuses(memory.check_memory()) == {"memory a worker": status}


def test_a_containers_limit_counts(tmp_path: Path) -> None:
    assert memory._free_in_container(tmp_path) == float("inf")
    for name, text in (("max", "8000\n"), ("current", "5000\n"), ("stat", "anon 3000\ninactive_file 2000\n")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert memory._free_in_container(tmp_path) == 5000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._free_in_container(tmp_path) == float("inf")


@pytest.mark.parametrize(("free", "status"), [(0.0, "problem"), (1.2e9, "warning"), (500e9, "ok")])
def test_disks_are_measured_against_what_comes(
    free: float, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "WORKSPACE", tmp_path / "not" / "there")
    monkeypatch.setattr(disk, "_size", lambda folder: (2_000_000_000, True))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(total=1e12, free=free))
    found = by_name(disk.check_disks())
    assert found["workspace"].status == found["DVC cache"].status == status
    assert str(tmp_path) in found["workspace"].seen
    assert (found["shared memory"].status == "warning") == (free == 0)


def test_sizes_are_those_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 1000)
    (tmp_path / "c").symlink_to(tmp_path / "nowhere")
    size, whole = disk._size(tmp_path)
    assert 1000 <= size < 1500
    assert whole


# the project


def test_the_parameters_of_this_project_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert statuses(params.check_params()) == {"params.yaml": "ok"}


def test_a_section_that_does_not_fit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("  rate: 44100", "  rate: fast", 1))
    monkeypatch.chdir(tmp_path)
    found = by_name(params.check_params())
    assert set(found) == {"params.yaml: cache"}
    assert "cache.rate" in found["params.yaml: cache"].seen


def _git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_repository_with_its_commit_and_its_changes(tmp_path: Path) -> None:
    assert statuses(check_repository(tmp_path)) == {"git": "problem"}
    _git(tmp_path, "init")
    assert statuses(check_repository(tmp_path)) == {"git": "problem"}
    (tmp_path / "a").write_text("1")
    _git(tmp_path, "add", "a")
    _git(tmp_path, "commit", "-m", "a")
    (tmp_path / "untracked").touch()
    assert statuses(check_repository(tmp_path)) == {"git": "ok"}
    (tmp_path / "a").write_text("2")
    found = by_name(check_repository(tmp_path))["git"]
    assert found.status == "warning"
    assert "1 changed files (a)" in found.seen


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    """The folder of the locks of a project, without any."""
    folder = tmp_path / ".dvc" / "tmp"
    folder.mkdir(parents=True)
    return folder


def test_without_locks_all_is_free(locks: Path, tmp_path: Path) -> None:
    assert statuses(check_dvc_lock(tmp_path)) == {"DVC lock": "ok"}
    (locks / "lock").write_text(" 1\n")
    (locks / "rwlock").write_text('{"write": {}, "read": {}}')
    assert statuses(check_dvc_lock(tmp_path)) == {"DVC lock": "ok"}
    assert statuses(check_dvc_lock(tmp_path / "elsewhere")) == {"DVC lock": "not used"}


def test_a_lock_that_is_held_names_its_holder(locks: Path, tmp_path: Path) -> None:
    path = locks / "lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f" {os.getpid()}\n")
        file.flush()
        found = by_name(check_dvc_lock(tmp_path))["DVC lock"]
    assert found.status == "warning"
    assert f"process {os.getpid()} (" in found.seen


def _dead() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_an_rwlock_of_the_dead_of_the_living_and_of_strangers(locks: Path, tmp_path: Path) -> None:
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
