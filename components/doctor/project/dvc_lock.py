"""Check of DVC's locks: does a working process hold them, or one that is gone?

The file `lock` is locked through the system, and is free when its holders end. The file `rwlock` names processes by
number. DVC takes any process with that number for the holder; after a restart it may be another program.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

_SUBJECT = "DVC lock"
_COMMAND_LENGTH = 120


def check_dvc_lock(project: Path = Path()) -> Findings:
    """Check the locks of the DVC project in the folder `project`."""
    folder = project / ".dvc" / "tmp"
    if not folder.parent.is_dir():
        yield not_used(_SUBJECT, f"{project.resolve()} is not a DVC project", "run it from the root of the project")
        return
    findings = [*_check_lock(folder / "lock"), *_check_rwlock(folder / "rwlock")]
    yield from findings or [ok(_SUBJECT, "free")]


def _check_lock(path: Path) -> Iterator[Finding]:
    if path.is_file() and not _can_lock(path):
        yield warning(
            _SUBJECT, f"held by {_describe_holder(path)}", "wait for it (`dvc --wait-for-lock …` does), or end it"
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
    return f"a child of process {number or '?'}, which has ended itself (fuser {path} names it)"


def _check_rwlock(path: Path) -> Iterator[Finding]:
    if not path.is_file():
        return
    try:
        holders = {info["pid"]: info["cmd"] for info in _list_holders(json.loads(path.read_text(encoding="utf-8")))}
    except (ValueError, TypeError, KeyError, AttributeError):
        yield problem(_SUBJECT, f"{path} is damaged: every `dvc repro` fails on it", f"rm {path} when no DVC runs")
        return
    for number, command in holders.items():
        yield _check_holder(path, int(number), str(command))


def _check_holder(path: Path, number: int, command: str) -> Finding:
    if not psutil.pid_exists(number):
        return ok(_SUBJECT, f"{path.name} names process {number}, which has ended: DVC removes it by itself")
    current = _read_command(number)
    if "dvc" in current:
        return warning(_SUBJECT, f"process {number} ({command}) works on outputs", "wait for it, or end it")
    observation = f"{path.name} names process {number} ({command}), which is now {current or 'of another user'}"
    return problem(_SUBJECT, observation, f"rm {path} when no DVC runs")


def _list_holders(rwlock: Any) -> Iterator[Any]:
    """Yield the `pid` and `cmd` of each holder from the content of DVC's rwlock."""
    yield from rwlock.get("write", {}).values()
    for holders in rwlock.get("read", {}).values():
        yield from holders


def _read_command(number: int) -> str:
    with suppress(psutil.Error):
        return " ".join(psutil.Process(number).cmdline())[:_COMMAND_LENGTH]
    return ""
