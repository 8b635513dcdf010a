"""`python -m components.register`: what the flow runs."""

import argparse
from pathlib import Path

from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.base.workspace import WORKSPACE
from components.core.tracking.mlflow_runs import RunRef
from components.register.config import RegisterConfig
from components.register.register import register


def main() -> None:
    """Parse the command line and run the step."""
    parser = argparse.ArgumentParser(prog="python -m components.register", description=__doc__)
    parser.add_argument("--train", type=Path, default=WORKSPACE / "train", help="folder of the model and run.json")
    parser.add_argument("--out", type=Path, default=WORKSPACE / "register", help="folder for version.json")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    config = load_section("register", RegisterConfig)
    version = register(config, arguments.train / "model", RunRef.read(arguments.train), arguments.out)
    print(f"register: models:/{version.name}/{version.version} (run {version.run_id})")


if __name__ == "__main__":
    main()
