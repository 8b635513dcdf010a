"""The scores of a version at its promotion, whatever its run shows now."""

from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Metric

from components.core.release.journal import JournalEntry
from components.core.tracking import mlflow_runs
from pipelines.flows.champion_evaluation import TEST_DIGEST, current_scores, last_promotion, scores_at_promotion
from tests.support.databases import new_mlflow_store

PROMOTED = 1_700_000_000  # seconds since 1970
TIME = "2023-11-14T22:13:20+00:00"


def _entry(number: int, kind: str = "promotion", version: int = 1) -> JournalEntry:
    return JournalEntry(
        number=number,
        time=TIME,
        kind=kind,
        name="x",
        version=version,
        before=0,
        by="me",
        why="good",
        evidence={"test": "of then"},
    )


@pytest.fixture
def run_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[mlflow.MlflowClient, str]]:
    """Return a function that makes a run with scores at these seconds after the promotion."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow.db"))

    def made(**scores: float) -> tuple[mlflow.MlflowClient, str]:
        client = mlflow_runs.connect()
        run_id = client.create_run(mlflow_runs.experiment_id(client)).info.run_id
        names = ("test/vocals/SDR", "test/mixture/vocals/SDR", "test/vocals/SIR", "train/loss")
        for seconds, value in scores.items():
            moment = 1000 * (PROMOTED + int(seconds.lstrip("_").replace("m", "-")))
            client.log_batch(run_id, [Metric(name, value, moment, 0) for name in names])
        client.set_tag(run_id, TEST_DIGEST, "of today")
        return client, run_id

    return made


def test_later_scores_do_not_count_at_promotion(
    run_of: Callable[..., tuple[mlflow.MlflowClient, str]],
) -> None:
    client, run_id = run_of(_m600=3.0, _m60=5.0, _600=4.0)
    run = client.get_run(run_id)
    found = scores_at_promotion(client, run, _entry(1))
    assert (found.sdr, found.test_digest) == ({"vocals": 5.0}, "of then")
    now = current_scores(run)
    assert (now.sdr, now.test_digest) == ({"vocals": 4.0}, "of today")
    assert scores_at_promotion(client, run, None) == now


def test_target_without_scores_before_the_promotion_is_left_out(
    run_of: Callable[..., tuple[mlflow.MlflowClient, str]],
) -> None:
    client, run_id = run_of(_600=4.0)
    assert scores_at_promotion(client, client.get_run(run_id), _entry(1)).sdr == {}


def test_last_promotion_ignores_rollbacks() -> None:
    entries = [_entry(1), _entry(2, version=2), _entry(3), _entry(4, "rollback"), _entry(5, version=2)]
    found = last_promotion(entries, 1)
    assert found is not None
    assert found.number == 3
    assert last_promotion(entries, 7) is None
