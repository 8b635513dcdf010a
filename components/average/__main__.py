"""`python -m components.average FOLDER … --out FOLDER`: averages the weights of trainings."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from components.average.average import average
from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE
from components.core.models.model_folder import Stored


def run(
    folders: Annotated[list[Path], Argument(help="Folders of trainings; the first one gives run and profile.")],
    out: Annotated[Path, Option(help="Folder for the model, laid out like a training's.")] = WORKSPACE / "average",
    stored: Annotated[Stored, Option(help="Precision of the weights on disk.")] = "fp32",
) -> None:
    """Average the weights of trainings of the same network; a single one is only stored again."""
    average(folders, out, stored)
    print(f"average: {len(folders)} models to {out}")


if __name__ == "__main__":
    run_step_command(run, "components.average")
