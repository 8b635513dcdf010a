"""The commits of the project: what a run in a clone needs of one, found out before anything starts."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.core.base.all_sections import require_no_mistakes
from components.core.base.errors import UserError
from components.core.base.params import PARAMS, ParameterFile
from pipelines.processes.command import CommandError


def resolve_commit(name: str) -> str:
    """Return the full name of a commit; raises UserError, one line, when this folder has no such commit."""
    if not PARAMS.is_file():
        raise UserError(f"{PARAMS} does not exist: run from the root of the project, where it lies")
    try:
        return git(Path(), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
    except CommandError:
        raise UserError(
            f"git has no commit {name} here: commit the project first (`git init && git add . && git commit`)"
        ) from None


def require_repository() -> None:
    """Raise UserError, one line, when this folder is outside git, where DVC runs no stage."""
    try:
        git(Path(), "rev-parse", "--is-inside-work-tree")
    except CommandError:
        advice = "run from a clone of the project, or make one of it: `git init && git add . && git commit`"
        raise UserError(f"{Path().resolve()} is not in a git repository, which DVC needs: {advice}") from None


def require_valid_commit(name: str, changes: Mapping[str, Any]) -> None:
    """Raise UserError, one line, when there is no such commit, or its params.yaml with `changes` has a mistake."""
    commit = resolve_commit(name)
    try:
        text = git(Path(), "show", f"{commit}:./{PARAMS}")
    except CommandError:
        raise UserError(f"commit {commit[:12]} has no {PARAMS}: name one that has it") from None
    require_no_mistakes(ParameterFile(text, f"{PARAMS} at {name}", changes))


def git(folder: Path, *arguments: str) -> str:
    """Return git's output in `folder`; raises CommandError, with its last line, when it fails."""
    return read_command_output("git", "-C", str(folder), *arguments).decode(errors="surrogateescape")


def read_command_output(*command: str, data: bytes | None = None) -> bytes:
    """Return the output of a command, byte for byte; raises CommandError, with its last line, when it fails."""
    ended = subprocess.run(command, input=data, capture_output=True, check=False)
    if ended.returncode:
        lines = ended.stderr.decode(errors="replace").strip().splitlines() or ["no output"]
        raise CommandError(f"`{' '.join(command)}` failed: {lines[-1]}")
    return ended.stdout
