"""`python -m components.compare --out FOLDER [--scores NAME=DIR]`: what the flow runs at its end."""

import argparse
from datetime import date
from pathlib import Path

from components.compare.compare import MARKDOWN, PAGE, compare
from components.compare.config import CompareConfig
from components.compare.mlflow_run import log_comparison, runs_of, training_seconds
from components.compare.systems.row_names import named_places
from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.base.workspace import WORKSPACE
from components.core.tracking.mlflow_runs import connect
from components.core.tracking.provenance import git_commit


def main() -> None:
    """Parse the command line, compare, log."""
    parser = argparse.ArgumentParser(prog="python -m components.compare", description=__doc__)
    parser.add_argument("--out", type=Path, default=WORKSPACE / "compare", help="folder with systems/ in it")
    parser.add_argument("--scores", action="append", default=[], help="NAME=DIR: museval's files of others")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    config = load_section("compare", CompareConfig)
    others = {name: Path(place) for name, place in named_places("--scores", arguments.scores).items()}
    client = connect()
    runs = runs_of(arguments.out)
    seconds = training_seconds(client, runs)
    print(compare(config, arguments.out, others, seconds, date.today(), git_commit()))
    run = log_comparison(client, arguments.out, runs)
    print(f"compare: {arguments.out / MARKDOWN}, {arguments.out / PAGE}; MLflow run {run.run_id}")


if __name__ == "__main__":
    main()
