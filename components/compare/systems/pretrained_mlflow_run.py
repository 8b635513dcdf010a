"""`python -m components.compare.systems.pretrained_mlflow_run`: writes run.json for a model that was trained elsewhere.

`evaluate` logs to the MLflow run of a training. A model from elsewhere has none, so it gets a run of its own. The run
is the same in every comparison, so DVC does not repeat the scoring.
"""

from pathlib import Path
from typing import Annotated

import mlflow
from typer import Option

from components.core.base.step_command import run_step_command
from components.core.models.bundle import Model, load_model
from components.core.tracking import mlflow_runs, provenance

STAGE = "pretrained"
"""The tag `stage` of such a run."""

_DIGEST = "pretrained.sha256"


def write_run(
    name: Annotated[str, Option(help="Name of the system.")],
    model: Annotated[Path, Option(help="Folder of the model.")],
    out: Annotated[Path, Option(help="Folder for run.json.")],
) -> None:
    """Find or create the MLflow run of a model that was trained elsewhere."""
    find_or_create_run(mlflow_runs.connect(), name, load_model(model)).write(out)


def find_or_create_run(client: mlflow.MlflowClient, name: str, model: Model) -> mlflow_runs.RunRef:
    """Return the run of these weights under this name: an existing run, or a new one."""
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
    run_step_command(write_run, "components.compare.systems.pretrained_mlflow_run")
