"""A job as an MLflow run: what came of it, how fast, and how far from the training."""

import math
from pathlib import Path

import mlflow

from components.core.tracking import mlflow_runs, provenance
from components.separate.job import Request
from components.separate.ledger.account import Summary


def log_job(summary: Summary, request: Request, ledger: Path) -> None:
    """Log the job's counts, speed, cost and drift, and its ledger."""
    client = mlflow_runs.connect()
    created = client.create_run(mlflow_runs.experiment_id(client), run_name=f"separate {request.source}")
    run = mlflow_runs.RunRef(run_id=created.info.run_id)
    options = {f"separate.{name}": value for name, value in summary.recipe.options.items()}
    places = {"separate.source": request.source, "separate.destination": request.destination}
    mlflow_runs.log_params(client, run, options | places)
    model = {f"model.{name}": summary.recipe.model.get(name) for name in ("name", "version", "sha256", "run_id")}
    tags = {"stage": "separate", "separate.git_commit": provenance.git_commit(), "separate.stopped": summary.stopped}
    mlflow_runs.set_tags(client, run, tags | model)
    numbers = {name: value for name, value in summary.document().items() if isinstance(value, int | float)}
    hours = {"audio_hours": summary.audio_seconds / 3600, "failures": summary.quarantined + summary.failed}
    metrics = {f"separate/{name}": float(value) for name, value in (numbers | hours).items() if not math.isnan(value)}
    mlflow_runs.log_metrics(client, run, metrics)
    with mlflow_runs.active_run(run):
        mlflow.log_artifact(str(ledger), "separate")
