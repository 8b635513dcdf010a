"""A project folder with real stores: MLflow in SQLite, and the journal in a folder."""

import json
from pathlib import Path

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag

from components.core.release.journal import JournalEntry, open_journal
from components.core.tracking import mlflow_runs
from components.promote.config import PromoteConfig
from components.promote.journal_and_aliases import LiveModel

NAME = "vocal-isolation"
STRANGE = "<b id=injected>bold</b> & \"quoted\" 'text' 曲"
SCORES = {"vocals": (4.5, 10.25, 6.0, 9.0), "accompaniment": (10.0, 13.0, 13.5, 16.5)}
COUNTS = {"listed": 123, "done": 100, "skipped": 20, "quarantined": 2, "failed": 1, "later": 0}


def make_project(folder: Path) -> PromoteConfig:
    """Write params.yaml, as far as a report reads it, for a journal in the folder; return its section `promote`."""
    journal = folder / "promote"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(
        f"acquire: {{datasets: [folder]}}\nregister:\n  name: {NAME}\n"
        f"promote:\n  alias: champion\n  previous: previous\n  journal: {json.dumps(str(journal))}\n"
        f"separate: {{model: 'models:/{NAME}@champion'}}\n",
        encoding="utf-8",
    )
    return PromoteConfig(alias="champion", previous="previous", journal=str(journal))


def train_version(client: mlflow.MlflowClient, sdr: float, verdict: str = "passed", note: str = "") -> int:
    """Register a version, with a run that holds scores and data, and with the gate's tags; return its number."""
    run = client.create_run(mlflow_runs.experiment_id(client))
    ref = mlflow_runs.RunRef(run_id=run.info.run_id)
    metrics = {
        f"test/{target}/{metric}": value + sdr
        for target, values in SCORES.items()
        for metric, value in zip(("SDR", "SIR", "SAR", "ISR"), values, strict=True)
    }
    bounds = {"test/vocals/SDR_low": 3.75, "test/vocals/SDR_high": 7.36}
    others = {"test/mixture/vocals/SDR": -5.38, "test/irm2/vocals/SDR": 10.1, "test/mixture/times_real_time": 900.0}
    mlflow_runs.log_metrics(client, ref, metrics | bounds | others | {"train/loss": 0.1})
    evaluated = {"evaluate.test_tracks": 25, "evaluate.dataset": "MUSDB18-7", "evaluate.test_digest": "d1" * 16}
    trained = {"stage": "train", "train.data": "a5" * 32, "train.datasets": "musdb18-7s mir-1k"}
    mlflow_runs.set_tags(client, ref, evaluated | trained)
    dataset = Dataset("musdb18-7s", "d1" * 16, "local", "{}", profile=json.dumps({"tracks": 25}))
    client.log_inputs(ref.run_id, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", "test")])])
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME)
    tags = {"sha256": "ab" * 32, "network": "unet", "git_commit": "c0ffee" * 6, "dvc_lock": "10c4" * 8}
    judged = {
        "gate.verdict": verdict,
        "gate.rule": "first champion",
        "gate.reasons": f"vocals: +9.41 dB; {note}",
    }
    return int(client.create_model_version(NAME, "somewhere", ref.run_id, tags=tags | judged).version)


def make_live(client: mlflow.MlflowClient, config: PromoteConfig, version: int, before: int, why: str) -> JournalEntry:
    """Promote a version in place of the one before, as the flow does."""
    model = LiveModel(client, config, NAME, open_journal(config.journal))
    return model.make_live("promotion", version, why, {}, before)


def log_catalogue(
    client: mlflow.MlflowClient, source: str, destination: str, experiment: str = mlflow_runs.CATALOGUES
) -> str:
    """Log a job as `separate` does; return its run's id."""
    created = client.create_run(mlflow_runs.experiment_id(client, experiment), run_name=f"separate {source}")
    ref = mlflow_runs.RunRef(run_id=created.info.run_id)
    mlflow_runs.log_params(client, ref, {"separate.source": source, "separate.destination": destination})
    mlflow_runs.set_tags(client, ref, {"stage": "separate", "model.name": NAME, "model.version": 2})
    numbers = COUNTS | {
        "flagged": 7, "audio_hours": 6.5, "catalogue_seconds": 7.5 * 3600, "speed": 36.9, "drift": 0.84,
        "price_per_hour": 1.5, "price_per_audio_hour": 0.0407,
    }  # fmt: skip
    mlflow_runs.log_metrics(client, ref, {f"separate/{name}": float(value) for name, value in numbers.items()})
    client.set_terminated(ref.run_id)
    return ref.run_id
