"""Where the stages and steps run: in this folder, or in a clone of the project (checkout.py)."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.core.base.workspace import WORKSPACE
from pipelines.running.tasks import carry_out

STAGES = ("acquire", "cache", "train", "evaluate")
"""The DVC stages, in the order that they depend on each other."""

UNCHANGED = "didn't change, skipping"
"""What DVC says of a stage that it did not run."""

# DVC's advice to someone who runs it by hand
_DVC_HINTS = ("To track the changes", "git add dvc.lock", "To enable auto staging", "dvc config core", "Use `dvc push`")


@dataclass(frozen=True)
class Place:
    """A project in `folder` whose results lie in `workspace`; `environment` is what its commands need besides."""

    folder: Path
    workspace: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def reproduce(self, stage: str, name: str = "", options: tuple[str, ...] = ()) -> list[str]:
        """Bring one stage up to date, as a task of its name; its state is Unchanged when there was nothing to do.

        DVC decides what is stale; the task starts it, with `options` of `dvc repro`, and returns the lines that it
        printed.
        """
        return self._repro(name or stage, *options, stage)

    def reproduce_anew(self, stage: str) -> list[str]:
        """Run one stage whether it is stale or not."""
        return self._repro(stage, "--force", stage)

    def run_step(self, step: str, *arguments: str, fine: tuple[int, ...] = (0,)) -> list[str]:
        """Run `python -m components.<step>` as a task of that name; exit codes in `fine` are no failures.

        For the steps right of DVC's: they change the registry and the world, so DVC must not repeat them.
        """
        command = [sys.executable, "-m", f"components.{step}", *arguments]
        return carry_out(step, command, fine=fine, folder=self.folder, environment=self.environment)

    def _repro(self, name: str, *arguments: str) -> list[str]:
        return carry_out(
            name, dvc("--wait-for-lock", "repro", "--single-item", *arguments), unchanged=UNCHANGED,
            leave_out=_DVC_HINTS, folder=self.folder, environment=self.environment,
        )  # fmt: skip


HERE = Place(Path(), WORKSPACE)
"""The folder in which `stemline` was started."""


def dvc(*arguments: str) -> list[str]:
    """Return the command line of DVC with these arguments."""
    return [sys.executable, "-m", "dvc", *arguments]
