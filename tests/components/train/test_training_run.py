"""The MLflow run of a training."""

from components.train.training_run import flat_params
from tests.components.train.train_music import train_config


def test_parameters_are_logged_flat() -> None:
    flat = flat_params(train_config().model_dump(mode="json"))
    assert flat["train.network.stft.window"] == 512
    assert flat["train.augment.gain_db"] == 6.0
    assert flat["train.steps"] == 40
