"""`python -m components.acquire`: the command of the DVC stage `acquire`."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.acquire.acquire import acquire
from components.acquire.config import AcquireConfig
from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.base.workspace import SCRATCH, WORKSPACE


def run(
    out: Annotated[Path, Option(help="Folder for the tracks and the manifest.")] = WORKSPACE / "acquire",
    scratch: Annotated[Path, Option(help="Folder for downloads; a restart finds them here.")] = SCRATCH / "acquire",
) -> None:
    """Find, check and split the music of params.yaml, and write its manifest."""
    acquire(load_section("acquire", AcquireConfig), out, scratch.resolve())


if __name__ == "__main__":
    run_step_command(run, "components.acquire")
