"""`python -m components.compare.systems.pretrained_mlflow_run --name NAME --model FOLDER --out FOLDER`.

Makes the MLflow run of a model that was trained elsewhere.

What was trained here has the MLflow run of its training, to which `evaluate` logs. A model that comes from elsewhere
gets a run of its own, the same one in every comparison, so that its scores are not made again.
"""

import argparse
from pathlib import Path

import mlflow

from components.core.base.step_command import run_step
from components.core.models.bundle import Model, load_model
from components.core.tracking import mlflow_runs, provenance

STAGE = "pretrained"
"""The tag `stage` of such a run."""

_DIGEST = "pretrained.sha256"


def main() -> None:
    """Parse the command line, and write run.json to the folder."""
    parser = argparse.ArgumentParser(
        prog="python -m components.compare.systems.pretrained_mlflow_run", description=__doc__
    )
    parser.add_argument("--name", required=True, help="of the system")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--out", type=Path, required=True, help="folder for run.json")
    arguments = parser.parse_args()
    run_step(
        lambda: run_of_pretrained(mlflow_runs.connect(), arguments.name, load_model(arguments.model)).write(
            arguments.out
        )
    )


def run_of_pretrained(client: mlflow.MlflowClient, name: str, model: Model) -> mlflow_runs.RunRef:
    """Return the run of these weights under this name: the one that there is, or a new one."""
    experiment = mlflow_runs.experiment_id(client)
    wanted = f"tags.stage = '{STAGE}' and tags.system = '{name}' and tags.`{_DIGEST}` = '{model.digest}'"
    for found in client.search_runs([experiment], wanted, max_results=1):
        return mlflow_runs.RunRef(run_id=found.info.run_id)
    created = client.create_run(experiment, run_name=f"{name}, pretrained")
    run = mlflow_runs.RunRef(run_id=created.info.run_id)
    network = {f"network.{key}": value for key, value in model.network.model_dump(mode="json").items()}
    mlflow_runs.log_params(client, run, network)
    origin = {f"pretrained.{key}": value for key, value in model.origin.items() if value}
    mlflow_runs.set_tags(client, run, origin | {
        "stage": STAGE,
        "system": name,
        _DIGEST: model.digest,
        "pretrained.targets": " ".join(model.targets),
        "pretrained.compared_at": provenance.git_commit(),
    })  # fmt: skip
    client.set_terminated(run.run_id)
    return run


if __name__ == "__main__":
    main()
