"""`python -m components.train`: the command of the DVC stage `train`."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.base.workspace import SCRATCH, WORKSPACE
from components.train.config import TrainConfig
from components.train.train import train


def run(
    cache: Annotated[Path, Option(help="Folder of the shards.")] = WORKSPACE / "cache",
    start: Annotated[Path, Option(help="Folder of the model to start from.")] = WORKSPACE / "start",
    out: Annotated[Path, Option(help="Folder for the model and its curves.")] = WORKSPACE / "train",
    scratch: Annotated[Path, Option(help="Folder of unfinished trainings.")] = SCRATCH / "train",
) -> None:
    """Train the network of params.yaml on the cached stems."""
    train(load_section("train", TrainConfig), cache, start, out, scratch)


if __name__ == "__main__":
    run_step_command(run, "components.train")
