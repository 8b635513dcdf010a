"""The project whose stages and steps a flow runs: the current folder, or a clone of it (checkout.py)."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.core.base.params import PARAMS
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import RUN
from components.core.tracking import mlflow_runs
from pipelines.processes.dvc import STAGES, dvc_command, is_advice, was_unchanged
from pipelines.running.tasks import run_as_task


@dataclass(frozen=True)
class ProjectFolder:
    """A project in `folder` with its results in `workspace`; `environment` is added to its commands' variables."""

    folder: Path
    workspace: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def params(self) -> Path:
        """The project's params.yaml."""
        return self.folder / PARAMS

    def reproduce(self, stage: str, name: str | None = None, options: tuple[str, ...] = ()) -> list[str]:
        """Bring one DVC stage up to date, as a task called `name` (default: as the stage); return the printed lines.

        DVC decides whether the stage is stale; if not, the task's state is Unchanged. `options` are those of
        `dvc repro`.
        """
        command = dvc_command("--wait-for-lock", "repro", "--single-item", *options, stage)
        return run_as_task(
            name or stage, command, was_unchanged=was_unchanged, leave_out=is_advice,
            folder=self.folder, environment=self.environment,
        )  # fmt: skip

    def reproduce_all(self, options: tuple[str, ...] = ()) -> list[str]:
        """Bring all DVC stages up to date, with `options` of `dvc repro`; return the printed lines.

        A training whose run is missing in this MLflow (another store has it) is started once more: it goes on from its
        scratch folder in seconds and gets a run here, to which the later steps log.
        """
        lines: list[str] = []
        for stage in STAGES:
            lines += self.reproduce(stage, options=options)
            if stage == RUN.writer and not mlflow_runs.has_run(mlflow_runs.RunRef.read(self.workspace / stage)):
                lines += self.reproduce(stage, options=("--force",))
        return lines

    def run_step(self, step: str, *arguments: str, accepted_codes: tuple[int, ...] = (0,)) -> list[str]:
        """Run `python -m components.<step>` as a task called `step`; return the printed lines.

        For the steps after DVC's stages: they change the registry and the world, so DVC must not repeat them.
        """
        command = [sys.executable, "-m", f"components.{step}", *arguments]
        return run_as_task(
            step, command, accepted_codes=accepted_codes, folder=self.folder, environment=self.environment
        )


CURRENT_PROJECT = ProjectFolder(Path(), WORKSPACE)
"""The folder in which `stemline` was started."""
