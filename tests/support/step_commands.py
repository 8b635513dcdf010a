"""Run the command of a step within the test process."""

from collections.abc import Callable

import pytest

from components.core.base.step_command import run_step_command


def run_command(work: Callable[..., None], *arguments: str) -> None:
    """Run `work` as its program does, with `arguments` on the command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["program", *arguments])
        run_step_command(work, "program")
