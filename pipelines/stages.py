"""The stages of dvc.yaml as Prefect tasks. DVC decides what is stale; a task starts it and says what came of it."""

import sys

from pipelines.tasks import carry_out

STAGES = ("acquire", "cache", "train", "evaluate")
"""The DVC stages, in the order that they depend on each other."""


# DVC's advice to someone who runs it by hand
DVC_HINTS = ("To track the changes", "git add dvc.lock", "To enable auto staging", "dvc config core", "Use `dvc push`")


def dvc(*arguments: str) -> list[str]:
    """Return the command line of DVC with these arguments."""
    return [sys.executable, "-m", "dvc", *arguments]


def reproduce(stage: str) -> None:
    """Bring one stage up to date, as a task of its name; its state is called Unchanged when there was nothing to do."""
    command = dvc("--wait-for-lock", "repro", "--single-item", stage)
    carry_out(stage, command, unchanged="didn't change, skipping", leave_out=DVC_HINTS)
