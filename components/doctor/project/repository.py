"""Check of git: every run records its commit, so there must be one, and it should be the code that runs."""

import subprocess
from pathlib import Path

from components.doctor.finding import Findings, ok, problem, warning

_SUBJECT = "git"
_SECONDS = 20.0
_FILES_SHOWN = 3


def check_repository(folder: Path = Path()) -> Findings:
    """Check the repository that `folder` belongs to."""
    try:
        commit = _run_git(folder, "rev-parse", "--verify", "HEAD")
        changed = _run_git(folder, "status", "--porcelain", "--untracked-files=no").splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        remedy = "run it in a clone of the project with at least one commit; if git asks: git config safe.directory"
        yield problem(_SUBJECT, f"no commit could be read: {_first_line(error)}", remedy)
        return
    if changed:
        names = ", ".join(line[3:] for line in changed[:_FILES_SHOWN]) + (" …" if len(changed) > _FILES_SHOWN else "")
        remedy = "git commit: a run's commit ends in -dirty, and workers and clones run it without these changes"
        yield warning(_SUBJECT, f"{commit[:12]}, {len(changed)} changed files ({names})", remedy)
    else:
        yield ok(_SUBJECT, f"{commit[:12]}, no changes")


def _run_git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS)
    return result.stdout.rstrip("\n")  # a line of `status` may begin with a space


def _first_line(error: Exception) -> str:
    text = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    return next((line for line in str(text).splitlines() if line), type(error).__name__)
