"""The steps right of DVC's as Prefect tasks: they change the registry and the world, so DVC must not repeat them."""

import sys

from pipelines.tasks import carry_out


def run_step(step: str, *arguments: str, fine: tuple[int, ...] = (0,)) -> None:
    """Run `python -m components.<step>` as a task of that name; exit codes in `fine` are no failures."""
    carry_out(step, [sys.executable, "-m", f"components.{step}", *arguments], fine=fine)
