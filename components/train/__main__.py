"""`python -m components.train`: the command of the DVC stage."""

import argparse
from pathlib import Path

from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.base.workspace import SCRATCH, WORKSPACE
from components.train.config import TrainConfig
from components.train.train import train


def main() -> None:
    """Parse the command line and run the step."""
    parser = argparse.ArgumentParser(prog="python -m components.train", description=__doc__)
    parser.add_argument("--cache", type=Path, default=WORKSPACE / "cache", help="folder of the shards")
    parser.add_argument("--out", type=Path, default=WORKSPACE / "train", help="folder of the model and its curves")
    parser.add_argument("--scratch", type=Path, default=SCRATCH / "train", help="folder of unfinished trainings")
    arguments = parser.parse_args()
    run_step(lambda: train(load_section("train", TrainConfig), arguments.cache, arguments.out, arguments.scratch))


if __name__ == "__main__":
    main()
