"""Checks of the project folder: params.yaml, git, and DVC's locks.

DVC's file `lock` is locked through the system, and is free when its holders end. Its file `rwlock` names processes by
number. DVC takes any process with that number for the holder; after a restart it may be another program.
"""

import fcntl
import json
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from components.core.base.all_sections import find_mistakes, section_schemas
from components.core.base.params import read_parameters
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

_GIT, _DVC_LOCK = "git", "DVC lock"  # subjects
_GIT_SECONDS = 20.0
_FILES_SHOWN = 3
_COMMAND_LENGTH = 120


def check_params() -> Findings:
    """Read every section with its step's typed config."""
    problems = [
        problem(f"params.yaml: {step}", mistake, f"components/{step}/config.py lists the parameters")
        for step, mistake in find_mistakes(read_parameters()).items()
    ]
    return problems or [ok("params.yaml", f"{len(section_schemas())} sections, all fit")]


def check_repository(folder: Path = Path()) -> Findings:
    """Check the repository that `folder` belongs to."""
    try:
        commit = _run_git(folder, "rev-parse", "--verify", "HEAD")
        changed = _run_git(folder, "status", "--porcelain", "--untracked-files=no").splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        remedy = "run it in a clone of the project with at least one commit; if git asks: git config safe.directory"
        yield problem(_GIT, f"no commit could be read: {_first_line(error)}", remedy)
        return
    if changed:
        names = ", ".join(line[3:] for line in changed[:_FILES_SHOWN]) + (" …" if len(changed) > _FILES_SHOWN else "")
        remedy = "git commit: a run's commit ends in -dirty, and workers and clones run it without these changes"
        yield warning(_GIT, f"{commit[:12]}, {len(changed)} changed files ({names})", remedy)
    else:
        yield ok(_GIT, f"{commit[:12]}, no changes")


def _run_git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_GIT_SECONDS)
    return result.stdout.rstrip("\n")  # a line of `status` may begin with a space


def _first_line(error: Exception) -> str:
    text = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    return next((line for line in str(text).splitlines() if line), type(error).__name__)


def check_dvc_lock(project: Path = Path()) -> Findings:
    """Check the locks of the DVC project in the folder `project`."""
    folder = project / ".dvc" / "tmp"
    if not folder.parent.is_dir():
        yield not_used(_DVC_LOCK, f"{project.resolve()} is not a DVC project", "run it from the root of the project")
        return
    findings = [*_check_lock(folder / "lock"), *_check_rwlock(folder / "rwlock")]
    yield from findings or [ok(_DVC_LOCK, "free")]


def _check_lock(path: Path) -> Iterator[Finding]:
    if path.is_file() and not _can_lock(path):
        yield warning(
            _DVC_LOCK, f"held by {_describe_holder(path)}", "wait for it (`dvc --wait-for-lock …` does), or end it"
        )


def _can_lock(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def _describe_holder(path: Path) -> str:
    """Name the process that wrote its number into the lock; its children may hold the lock after its end."""
    number = path.read_text(encoding="ascii", errors="replace").strip()
    if number.isdecimal() and psutil.pid_exists(int(number)):
        return f"process {number} ({_read_command(int(number)) or 'of another user'})"
    return f"a child of process {number or '?'}, which has ended; `fuser {path}` names the child"


def _check_rwlock(path: Path) -> Iterator[Finding]:
    if not path.is_file():
        return
    try:
        holders = {info["pid"]: info["cmd"] for info in _list_holders(json.loads(path.read_text(encoding="utf-8")))}
    except (ValueError, TypeError, KeyError, AttributeError):
        yield problem(_DVC_LOCK, f"{path} is damaged: every `dvc repro` fails on it", f"rm {path} when no DVC runs")
        return
    for number, command in holders.items():
        yield _check_holder(path, int(number), str(command))


def _check_holder(path: Path, number: int, command: str) -> Finding:
    if not psutil.pid_exists(number):
        return ok(_DVC_LOCK, f"{path.name} names process {number}, which has ended: DVC removes it by itself")
    current = _read_command(number)
    if "dvc" in current:
        return warning(_DVC_LOCK, f"process {number} ({command}) works on outputs", "wait for it, or end it")
    observation = f"{path.name} names process {number} ({command}), which is now {current or 'of another user'}"
    return problem(_DVC_LOCK, observation, f"rm {path} when no DVC runs")


def _list_holders(rwlock: Any) -> Iterator[Any]:
    """Yield the `pid` and `cmd` of each holder from the content of DVC's rwlock."""
    yield from rwlock.get("write", {}).values()
    for holders in rwlock.get("read", {}).values():
        yield from holders


def _read_command(number: int) -> str:
    with suppress(psutil.Error):
        return " ".join(psutil.Process(number).cmdline())[:_COMMAND_LENGTH]
    return ""
