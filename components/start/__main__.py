"""`python -m components.start`: the command of the DVC stage `start`."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.base.workspace import SCRATCH, WORKSPACE
from components.start.config import StartConfig
from components.start.start import start


def run(
    out: Annotated[Path, Option(help="Folder for the model.")] = WORKSPACE / "start",
    scratch: Annotated[Path, Option(help="Folder of registered models.")] = SCRATCH / "start",
) -> None:
    """Fetch the model that a training starts from."""
    found = start(load_section("start", StartConfig).model, out, scratch)
    print(f"start: {found}", file=sys.stderr)


if __name__ == "__main__":
    run_step_command(run, "components.start")
