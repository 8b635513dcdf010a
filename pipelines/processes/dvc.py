"""DVC as a program: its command line, and what its output says.

This is the only module that parses DVC's messages, as version 3.67.1 writes them. `dvc status --json STAGE` would cost
each run 0.5 s of CPU for each of four stages, as much as `dvc repro` itself.
tests/pipelines/processes/test_dvc.py runs the real DVC and fails when a new version words its output differently.
"""

import re
import sys

from components.core.base.outages import reports_outage
from components.core.base.step_command import AGAIN

STAGES = ("acquire", "cache", "start", "train", "evaluate")
"""The stages in dvc.yaml, each after those it depends on."""

_BUSY = "is busy, it is being blocked by"
_UNCHANGED = "didn't change, skipping"
_RUNNING = "Running stage"
_EXIT_CODE = re.compile(r"failed to run: .*, exited with (\d+)$")
_ERROR = "ERROR: "
# advice to people who run DVC by hand
_ADVICE = ("To track the changes", "git add dvc.lock", "To enable auto staging", "dvc config core", "Use `dvc push`")


def dvc_command(*arguments: str) -> list[str]:
    """Return the command line of DVC with these arguments."""
    return [sys.executable, "-m", "dvc", *arguments]


def was_unchanged(lines: list[str]) -> bool:
    """Return whether `dvc repro` of one stage found it up to date."""
    return any(_UNCHANGED in line for line in lines)


def did_run_stage(lines: list[str]) -> bool:
    """Return whether `dvc repro` started a stage, instead of taking its results from the cache."""
    return any(_RUNNING in line for line in lines)


def is_busy(lines: list[str]) -> bool:
    """Return whether DVC failed because another process works on the same files."""
    return any(_BUSY in line for line in lines)


def is_advice(line: str) -> bool:
    """Return whether a line only tells how to use DVC by hand."""
    return any(text in line for text in _ADVICE)


def stage_exit_code(lines: list[str]) -> int | None:
    """Return the exit code of the stage's command that failed: DVC itself ends with 255 for each of them."""
    found = [match for match in map(_EXIT_CODE.search, lines) if match]
    return int(found[-1].group(1)) if found else None


def is_store_outage(lines: list[str]) -> bool:
    """Return whether DVC failed because a remote or another store did not answer."""
    error = _last_error(lines)
    return error is not None and reports_outage(error)


def failure_line(lines: list[str]) -> str | None:
    """Return DVC's error in one line; None if DVC printed none."""
    error = _last_error(lines)
    return f"{error}; {AGAIN}" if error and reports_outage(error) else error


def _last_error(lines: list[str]) -> str | None:
    errors = [line.removeprefix(_ERROR) for line in lines if line.startswith(_ERROR)]
    return errors[-1].removeprefix("unexpected error - ") if errors else None
