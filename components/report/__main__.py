"""`python -m components.report [--workspace FOLDER] [--catalogue FOLDER] [--out FOLDER]`: writes index.html."""

import argparse
from pathlib import Path

from components.core.base.step_command import run_step
from components.core.base.workspace import WORKSPACE
from components.report.report import write_report


def main() -> None:
    """Parse the command line and run the step."""
    parser = argparse.ArgumentParser(prog="python -m components.report", description=__doc__)
    parser.add_argument("--workspace", type=Path, default=WORKSPACE, help="folder of what the steps made")
    parser.add_argument("--catalogue", type=Path, help="folder of separated recordings (default: WORKSPACE/separate)")
    parser.add_argument("--out", type=Path, help="folder for index.html (default: WORKSPACE/report)")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    catalogue = arguments.catalogue or arguments.workspace / "separate"
    page = write_report(arguments.workspace, catalogue, arguments.out or arguments.workspace / "report")
    print(f"report: open {page} in a browser")


if __name__ == "__main__":
    main()
