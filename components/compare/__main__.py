"""`python -m components.compare`: makes the table of a comparison, and logs it to MLflow."""

from datetime import date
from pathlib import Path
from typing import Annotated

from typer import Option

from components.compare.compare import compare
from components.compare.config import CompareConfig
from components.compare.mlflow_run import find_runs, log_comparison, training_seconds
from components.compare.systems.row_names import parse_places
from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import COMPARISON_PAGE, COMPARISON_TEXT
from components.core.tracking.mlflow_runs import connect
from components.core.tracking.provenance import git_commit


def compare_systems(
    out: Annotated[Path, Option(help="Folder with systems/ in it; the comparison is written here.")] = WORKSPACE
    / "compare",
    scores: Annotated[list[str] | None, Option(help="NAME=FOLDER: museval's files of another system.")] = None,
) -> None:
    """Compare all systems that were scored."""
    config = load_section("compare", CompareConfig)
    others = {name: Path(place) for name, place in parse_places("--scores", scores or []).items()}
    client = connect()
    runs = find_runs(out)
    print(compare(config, out, others, training_seconds(client, runs), date.today(), git_commit()))
    run = log_comparison(client, out, runs)
    print(f"compare: {COMPARISON_TEXT.within(out)}, {COMPARISON_PAGE.within(out)}; MLflow run {run.run_id}")


if __name__ == "__main__":
    run_step_command(compare_systems, "components.compare")
