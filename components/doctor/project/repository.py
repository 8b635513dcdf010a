"""git: every run carries its commit, so there must be one, and it should be what runs."""

import subprocess
from pathlib import Path

from components.doctor.finding import Findings, ok, problem, warning

_WHAT = "git"
_SECONDS = 20.0
_SHOWN = 3  # files


def check_repository(folder: Path = Path()) -> Findings:
    """Look at the repository that `folder` is in."""
    try:
        commit = _git(folder, "rev-parse", "--verify", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no").splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        yield problem(_WHAT, f"no commit to be read: {_why(error)}", _CLONE)
        return
    if changed:
        names = ", ".join(line[3:] for line in changed[:_SHOWN]) + (" …" if len(changed) > _SHOWN else "")
        do = "git commit: a run's results say -dirty, and workers and clones run the commit without these changes"
        yield warning(_WHAT, f"{commit[:12]}, {len(changed)} changed files ({names})", do)
    else:
        yield ok(_WHAT, f"{commit[:12]}, nothing changed")


_CLONE = "run it in a clone of the project, with at least one commit; if git says so: git config safe.directory"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS)
    return result.stdout.rstrip("\n")  # a line of `status` may begin with a space


def _why(error: Exception) -> str:
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = [line for line in str(said).splitlines() if line]
    return lines[0] if lines else type(error).__name__
