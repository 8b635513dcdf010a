"""The key of a training changes with all that decides its result."""

from pathlib import Path

from components.train.train import training_key
from tests.components.train.train_music import PARAMS, noise, noise_cache, train_config, write_cache


def test_another_parameter_or_other_data_is_another_training(tmp_path: Path) -> None:
    cache = noise_cache(tmp_path / "a")
    key = training_key(train_config(), cache)
    assert key == training_key(train_config(), noise_cache(tmp_path / "b"))
    assert key != training_key(train_config(steps=81), cache)
    assert key != training_key(train_config(network=PARAMS["network"] | {"bins": 127}), cache)


def test_other_sound_of_the_same_length_and_level_is_another_training(tmp_path: Path) -> None:
    stems = noise(0, 1)
    first = write_cache(tmp_path / "a", {("train", "Song"): stems})
    second = write_cache(tmp_path / "b", {("train", "Song"): -stems})
    assert (first / "index.csv").read_text() == (second / "index.csv").read_text()
    assert training_key(train_config(), first) != training_key(train_config(), second)
