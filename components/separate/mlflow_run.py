"""A job as a run in MLflow: its counts, its speed, and its drift from the training's music."""

from pathlib import Path

import mlflow

from components.core.data.separation_summary import SeparationSummary
from components.core.tracking import mlflow_runs, provenance
from components.separate.job import Job


def log_job(summary: SeparationSummary, job: Job, ledger: Path) -> None:
    """Log a job's counts, speed, cost and drift, and its ledger."""
    client = mlflow_runs.connect()
    experiment = mlflow_runs.experiment_id(client, mlflow_runs.CATALOGUES)
    created = client.create_run(experiment, run_name=f"separate {job.source}")
    run = mlflow_runs.RunRef(run_id=created.info.run_id, experiment=mlflow_runs.CATALOGUES)
    options = {f"separate.{name}": value for name, value in summary.settings.options.model_dump(mode="json").items()}
    places = {"separate.source": job.source, "separate.destination": job.destination}
    mlflow_runs.log_params(client, run, options | places)
    used = summary.settings.model
    model = {"model.name": used.name, "model.version": used.version, "model.sha256": used.sha256}
    commit = provenance.git_commit()
    tags = {"stage": "separate", "separate.git_commit": commit, "separate.stopped": summary.stopped}
    mlflow_runs.set_tags(client, run, tags | model | {"model.run_id": used.run_id})
    text = f"{summary} with {used}. Stems and page: `{job.destination}`"
    mlflow_runs.describe_run(client, run, "components.separate", commit, text)
    numbers = {name: value for name, value in summary.model_dump().items() if isinstance(value, int | float)}
    hours = {"audio_hours": summary.audio_seconds / 3600, "failures": summary.quarantined + summary.failed}
    mlflow_runs.log_metrics(
        client, run, {f"separate/{name}": float(value) for name, value in (numbers | hours).items()}
    )
    with mlflow_runs.active_run(run):
        mlflow.log_artifact(str(ledger), "separate")
