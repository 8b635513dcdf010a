"""Real trainings as processes: they learn, and a user error is one line."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from components.core.models.model_folder import load_model
from components.core.separating.segments import separate_audio
from tests.components.train.train_music import PARAMS, noise_cache, tone_and_noise, write_cache
from tests.components.train.training_processes import Training
from tests.support.databases import new_mlflow_store

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise_cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return new_mlflow_store(tmp_path_factory.mktemp("mlflow") / "mlflow.db")


@pytest.fixture(scope="module")
def six_steps(tmp_path_factory: pytest.TempPathFactory, cache: Path, store: str) -> Training:
    return train_shortly(tmp_path_factory.mktemp("six") / "run", cache, store, "fp32")


def train_shortly(folder: Path, cache: Path, store: str, precision: str) -> Training:
    """Run a short training to its end."""
    training = Training(folder, cache, store, steps=6, validate_every=2, precision=precision, loss="magnitude")
    outcome = training.run()
    assert outcome.code == 0, outcome.text
    return training


def sdr(stem: np.ndarray, estimate: np.ndarray) -> float:
    return float(10 * np.log10((stem**2).sum() / ((stem - estimate) ** 2).sum()))


def test_training_learns_an_easy_problem_and_writes_its_outputs(tmp_path: Path, store: str) -> None:
    tracks = {("train", f"Song {number}"): tone_and_noise(number, 6) for number in range(4)}
    tracks |= {("validation", "Held back"): tone_and_noise(10, 4)}
    training = Training(
        tmp_path / "run",
        write_cache(tmp_path / "cache", tracks),
        store,
        steps=120,
        validate_every=40,
        learning_rate=0.01,
        crop_seconds=0.5,
    )
    outcome = training.run()
    assert outcome.code == 0, outcome.text
    model = load_model(training.out / "model")
    assert (model.targets, model.rate, model.channels) == (("vocals", "accompaniment"), 8000, 2)
    assert model.origin["run_id"] == training.run_id
    assert model.origin["seed"] == PARAMS["seed"]
    song = tone_and_noise(99, 4)
    mixture = song.sum(axis=0)
    for stem, estimate in zip(song, separate_audio(model.separator, mixture), strict=True):
        assert sdr(stem, estimate) > sdr(stem, mixture) + 3
    curves = pd.read_csv(training.out / "curves.csv")
    assert list(curves["step"]) == [40, 80, 120]
    validation = pd.read_csv(training.out / "validation.csv").pivot(index="step", columns="target", values="SDR")
    assert list(validation) == ["accompaniment", "vocals"]
    assert list(validation["vocals"]) == pytest.approx(list(curves["vocals_sdr"]))
    assert curves["loss"].iloc[-1] < curves["loss"].iloc[0]
    best = json.loads((training.out / "metrics.json").read_text())
    assert best["step"] == model.origin["step"]
    assert best["vocals_sdr"] == pytest.approx(curves.set_index("step")["vocals_sdr"][best["step"]])
    assert training.logged("train/loss") == [(row.step, row.loss) for row in curves.itertuples()]
    assert "validation at step 80" in outcome.text


def test_finished_training_is_logged_to_another_mlflow_without_training(tmp_path: Path, six_steps: Training) -> None:
    """A team moves from the embedded store to a server."""
    training = six_steps
    weights, curve, run_id = training.weights, training.logged("train/loss"), training.run_id
    training.store = new_mlflow_store(tmp_path / "another.db")
    outcome = training.run()
    assert outcome.code == 0, outcome.text
    assert f"MLflow run {run_id} is not in sqlite:" in training.text
    assert "validation at step" not in training.text
    assert training.run_id != run_id
    assert (training.weights, training.logged("train/loss")) == (weights, curve)
    assert [step for step, _ in curve] == [2, 4, 6]


def test_mixed_precision_gives_other_weights(tmp_path: Path, cache: Path, store: str, six_steps: Training) -> None:
    mixed = train_shortly(tmp_path / "bf16", cache, store, "bf16")
    assert six_steps.weights != mixed.weights
    losses = [pd.read_csv(training.out / "curves.csv")["loss"] for training in (six_steps, mixed)]
    assert list(losses[0]) == pytest.approx(list(losses[1]), rel=0.05)
    weights = load_model(mixed.out / "model").separator.state_dict()
    assert all(value.dtype in (torch.float32, torch.int64) for value in weights.values())


def test_nan_loss_ends_the_training_with_one_line(tmp_path: Path, cache: Path, store: str) -> None:
    # an infinite learning rate makes the weights, and so the next loss, NaN
    training = Training(tmp_path / "run", cache, store, learning_rate=1e38, warmup_steps=0, weight_decay=1e10)
    outcome = training.run()
    assert outcome.code == 2, outcome.text
    messages = [line for line in outcome.text.splitlines() if line.startswith("stemline: ")]
    assert len(messages) == 1, outcome.text
    assert "loss is nan at step" in messages[0]
    assert "vocals of 'made/Song" in messages[0]
    assert "Traceback" not in outcome.text
    assert not training.finished
    # the second run fails in the same way and does not continue
    assert training.run().code == 2


def test_wrong_parameter_prints_one_line(tmp_path: Path, cache: Path, store: str) -> None:
    outcome = Training(tmp_path / "run", cache, store, steps=-1).run()
    assert outcome.code == 2
    place, message = outcome.text.split(": train.steps: ")
    assert re.fullmatch(r"stemline: params.yaml:\d+", place)
    assert message == "expected a number greater than 0, got -1: write e.g. 600\n"


def test_missing_cache_prints_one_line(tmp_path: Path, store: str) -> None:
    outcome = Training(tmp_path / "run", tmp_path / "nowhere", store).run()
    assert outcome.code == 2
    assert outcome.text.count("\n") == 1
    assert "nowhere/cache.json does not exist: run `dvc repro cache` first" in outcome.text


def test_cache_without_validation_tracks_prints_one_line(tmp_path: Path, store: str) -> None:
    cache = write_cache(tmp_path / "cache", {("train", "Song"): tone_and_noise(0, 2)})
    outcome = Training(tmp_path / "run", cache, store).run()
    assert outcome.code == 2
    assert "Traceback" not in outcome.text
    assert "has no validation tracks" in outcome.text.splitlines()[-1]


def test_batch_that_cannot_be_shared_prints_one_line(tmp_path: Path, cache: Path, store: str) -> None:
    outcome = Training(tmp_path / "run", cache, store, processes=2, batch=3).run()
    assert outcome.code == 2
    assert "Traceback" not in outcome.text
    assert "train.batch" in outcome.text.splitlines()[-1]
