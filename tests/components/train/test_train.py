"""The key of a training changes with everything that affects its result."""

from pathlib import Path

from components.train.train import training_key
from tests.components.train.train_music import PARAMS, no_start, noise, noise_cache, train_config, write_cache
from tests.components.train.training_states import start_model


def test_key_changes_with_parameters_and_data(tmp_path: Path) -> None:
    cache, start = noise_cache(tmp_path / "a"), no_start(tmp_path / "start")
    key = training_key(train_config(), cache, start)
    assert key == training_key(train_config(), noise_cache(tmp_path / "b"), start)
    assert key != training_key(train_config(steps=81), cache, start)
    assert key != training_key(train_config(network=PARAMS["network"] | {"bins": 127}), cache, start)


def test_another_first_model_is_another_training(tmp_path: Path) -> None:
    cache = noise_cache(tmp_path / "cache")
    starts = [no_start(tmp_path / "none"), *(start_model(tmp_path / str(seed), seed) for seed in (1, 1, 2))]
    none, first, again, other = (training_key(train_config(), cache, start) for start in starts)
    assert first == again
    assert len({none, first, other}) == 3


def test_key_changes_with_the_samples(tmp_path: Path) -> None:
    stems, start = noise(0, 1), no_start(tmp_path / "start")
    first = write_cache(tmp_path / "a", {("train", "Song"): stems})
    second = write_cache(tmp_path / "b", {("train", "Song"): -stems})
    assert (first / "index.csv").read_text() == (second / "index.csv").read_text()
    assert training_key(train_config(), first, start) != training_key(train_config(), second, start)
