"""`python -m components.evaluate`: scores a model, and logs the scores to the MLflow run of its training."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.tracking.mlflow_runs import RunRef, connect, require_run
from components.evaluate.config import EvaluateConfig
from components.evaluate.evaluate import evaluate
from components.evaluate.results.mlflow_run import log_results


def evaluate_model(
    model: Annotated[Path, Option(help="Folder of the model (model.json, weights).")],
    data: Annotated[Path, Option(help="Folder of manifest.csv; its test split is scored.")],
    out: Annotated[Path, Option(help="Folder for scores, pictures and metrics.")],
    run: Annotated[Path | None, Option(help="Folder of the run.json of the MLflow run to log to.")] = None,
) -> None:
    """Score a model on the test split."""
    config = load_section("evaluate", EvaluateConfig)
    ref = RunRef.read(run) if run else None
    if ref:
        require_run(ref)  # before the long work
    evaluate(config, model, data, out)
    if ref:
        log_results(connect(), ref, data, out)


if __name__ == "__main__":
    run_step_command(evaluate_model, "components.evaluate")
