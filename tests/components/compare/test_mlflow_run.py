"""The MLflow runs that a comparison writes and tags."""

from datetime import date
from pathlib import Path

import mlflow
import pytest

from components.compare.compare import compare
from components.compare.mlflow_run import find_runs, first_sections, log_comparison, training_seconds
from components.core.tracking.mlflow_runs import RunRef, connect, experiment_id, log_metrics
from tests.components.compare.made_up_scores import compare_config, write_system
from tests.support.databases import new_mlflow_store
from tests.support.tiny_models import save_tiny_model


def _training(client: mlflow.MlflowClient, folder: Path) -> RunRef:
    run = RunRef(run_id=client.create_run(experiment_id(client)).info.run_id)
    log_metrics(client, run, {"train/seconds": 90.0})
    run.write(folder)
    return run


@pytest.mark.slow
def test_comparison_logs_a_run_and_tags_its_trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow.db"))
    monkeypatch.chdir(tmp_path)
    client = connect()
    out = tmp_path / "compare"
    write_system(out / "systems", "unet", {"model": 4.0}, seed=1, digest="abc")
    write_system(out / "systems", "spleeter", {"model": 5.0}, seed=2, digest="abc")
    training = _training(client, out / "systems" / "unet")
    save_tiny_model(out / "systems" / "unet" / "model")
    RunRef(run_id="f" * 32).write(out / "systems" / "spleeter")  # trained against another store
    (out / "systems" / "broken").mkdir()
    RunRef(run_id="e" * 32).write(out / "systems" / "broken")  # trained, but never scored

    runs = find_runs(out)
    assert set(runs) == {"unet", "spleeter"}
    seconds = training_seconds(client, runs)
    assert seconds == {"unet": 90.0}
    compare(compare_config(), out, {}, seconds, date(2026, 2, 3), "c0ffee" * 4)
    logged = client.get_run(log_comparison(client, out, runs).run_id)

    tags = logged.data.tags
    assert (tags["stage"], tags["dataset"], tags["test_digest"], tags["best.vocals"]) == (
        "compare", "made", "abc", "spleeter",
    )  # fmt: skip
    assert tags["systems"] == "spleeter unet"
    note = tags["mlflow.note.content"]  # the UI shows this tag as the description of the run
    assert "## Vocals" in note
    assert "| Spleeter |" in note
    assert logged.info.status == "FINISHED"
    names = {item.path for item in client.list_artifacts(logged.info.run_id)}
    assert {"comparison.csv", "comparison.md", "comparison.html", "pairs.csv", "summary.json", "pictures"} <= names
    trained = client.get_run(training.run_id).data
    assert (trained.tags["system"], trained.tags["comparison"]) == ("unet", logged.info.run_id)
    assert (trained.tags["evaluate.test_digest"], trained.tags["evaluate.test_tracks"]) == ("abc", "12")
    assert trained.metrics["cost/training seconds"] == 90
    assert "test/vocals/SIR" in trained.metrics


def test_description_ends_with_a_complete_section() -> None:
    page = "# Head" + "".join(f"\n\n## Part {number}\n\n{'x' * 3000}" for number in range(4))
    note = first_sections(page)
    assert page.startswith(note)
    assert len(note) < 8000
    assert (note.count("## Part"), note.count("x")) == (2, 6000)
