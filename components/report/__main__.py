"""`python -m components.report`: writes the page index.html."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import REPORT
from components.report.report import write_report


def report(
    workspace: Annotated[Path, Option(help="Folder with the outputs of the steps.")] = WORKSPACE,
    catalogue: Annotated[
        Path | None, Option(help="Folder of separated recordings [default: WORKSPACE/separate]")
    ] = None,
    out: Annotated[Path | None, Option(help=f"Folder for {REPORT.file} [default: WORKSPACE/report]")] = None,
) -> None:
    """Write one page about the live model, its history, the catalogues, and the last run."""
    page = write_report(workspace, catalogue or workspace / "separate", out or workspace / REPORT.writer)
    print(f"report: open {page} in a browser")


if __name__ == "__main__":
    run_step_command(report, "components.report")
