"""DVC's locks: held by a process that works, or by one that is gone?

`lock` is one of the system's, which ends with its holders. `rwlock` names processes by number, and DVC takes any
process of that number for the holder: after a restart of the machine or of a container that may be a stranger.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

_WHAT = "DVC lock"


def check_dvc_lock(project: Path = Path()) -> Findings:
    """Look at the locks of the DVC project in the folder `project`."""
    folder = project / ".dvc" / "tmp"
    if not folder.parent.is_dir():
        yield not_used(_WHAT, f"{project.resolve()} is no DVC project", "run it from the root of the project")
        return
    found = [*_lock(folder / "lock"), *_rwlock(folder / "rwlock")]
    yield from found or [ok(_WHAT, "free")]


def _lock(path: Path) -> Iterator[Finding]:
    if path.is_file() and not _can_lock(path):
        holder = _holder(path)
        do = "wait for it (`dvc --wait-for-lock …` does), or end it"
        yield warning(_WHAT, f"held by {holder}", do)


def _can_lock(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def _holder(path: Path) -> str:
    """Return the process that wrote its number into the lock; what it started may hold it on when it has ended."""
    number = path.read_text(encoding="ascii", errors="replace").strip()
    if number.isdecimal() and psutil.pid_exists(int(number)):
        return f"process {number} ({_command(int(number)) or 'of another user'})"
    return f"what process {number or '?'} has started: it has ended itself (fuser {path} names them)"


def _rwlock(path: Path) -> Iterator[Finding]:
    if not path.is_file():
        return
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        holders = {info["pid"]: info["cmd"] for info in _infos(document)}
    except (ValueError, TypeError, KeyError, AttributeError):
        yield problem(_WHAT, f"{path} is damaged: every `dvc repro` stops there", f"rm {path} when no DVC runs")
        return
    for number, command in holders.items():
        yield from _held(path, int(number), str(command))


def _held(path: Path, number: int, command: str) -> Iterator[Finding]:
    if not psutil.pid_exists(number):
        yield ok(_WHAT, f"{path.name} names process {number}, which has ended: DVC takes it away by itself")
    elif "dvc" in (now := _command(number)):
        yield warning(_WHAT, f"process {number} ({command}) works on outputs", "wait for it, or end it")
    else:
        seen = f"{path.name} names process {number} ({command}), which is now {now or 'of another user'}"
        yield problem(_WHAT, seen, f"rm {path} when no DVC runs")


def _infos(document: Any) -> Iterator[Any]:
    yield from document.get("write", {}).values()
    for infos in document.get("read", {}).values():
        yield from infos


def _command(number: int) -> str:
    with suppress(psutil.Error):
        return " ".join(psutil.Process(number).cmdline())[:120]
    return ""
