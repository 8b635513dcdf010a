"""`python -m components.evaluate --model FOLDER --data FOLDER --out FOLDER [--run FOLDER]`"""

import argparse
from pathlib import Path

from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.tracking.mlflow_runs import RunRef, connect, require_run
from components.evaluate.config import EvaluateConfig
from components.evaluate.evaluate import evaluate
from components.evaluate.results.mlflow_run import log_results


def main() -> None:
    """Read the arguments and params.yaml, score, and log to the training's run if one is named."""
    parser = argparse.ArgumentParser(prog="python -m components.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model (model.json, weights)")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv; its test split is scored")
    parser.add_argument("--out", type=Path, required=True, help="folder for scores, pictures and metrics")
    parser.add_argument("--run", type=Path, help="folder with the run.json of the MLflow run to log to (default: none)")
    arguments = parser.parse_args()

    config = load_section("evaluate", EvaluateConfig)
    ref = RunRef.read(arguments.run) if arguments.run else None
    if ref:
        require_run(ref)  # now, not after the long work
    evaluate(config, arguments.model, arguments.data, arguments.out)
    if ref:
        log_results(connect(), ref, arguments.data, arguments.out)


if __name__ == "__main__":
    run_step(main)
