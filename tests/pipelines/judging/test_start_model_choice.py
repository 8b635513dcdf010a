"""The model that a retraining starts from."""

import pytest

from components.core.models.start_model import StartModel
from components.start.config import StartConfig
from pipelines.judging.start_model_choice import Champion, TrainingConditions, choose_start_model

STEMS = ("vocals", "accompaniment")
OLD, NEW = TrainingConditions("unet", STEMS, "old"), TrainingConditions("unet", STEMS, "new")
CHAMPION = Champion("models:/voices/3", OLD, "models:/voices/2")


def _config(**changes: object) -> StartConfig:
    return StartConfig.model_validate({"model": "here", "retrain": "champion", "from_scratch_every": 0} | changes)


def test_new_data_are_learnt_from_the_champion() -> None:
    assert choose_start_model(_config(), CHAMPION, NEW, newest_version=3) == "models:/voices/3"


def test_known_data_are_learnt_from_where_the_champion_started() -> None:
    assert choose_start_model(_config(), CHAMPION, OLD, newest_version=3) == "models:/voices/2"


@pytest.mark.parametrize(
    "training", [TrainingConditions("spleeter", STEMS, "new"), TrainingConditions("unet", ("vocals", "drums"), "new")]
)
def test_a_champion_of_another_kind_is_no_start(training: TrainingConditions) -> None:
    assert choose_start_model(_config(), CHAMPION, training, newest_version=3) == "here"


def test_without_a_champion_or_by_the_parameter_the_named_model_is_the_start() -> None:
    assert choose_start_model(_config(), None, NEW, newest_version=0) == "here"
    assert choose_start_model(_config(retrain="model"), CHAMPION, NEW, newest_version=3) == "here"


def test_every_nth_version_starts_from_random_weights() -> None:
    starts = [choose_start_model(_config(from_scratch_every=5), CHAMPION, NEW, newest) for newest in range(3, 11)]
    assert [number + 4 for number, start in enumerate(starts) if start == ""] == [5, 10]


@pytest.mark.parametrize(
    ("address", "version", "expected"),
    [("models:/voices@champion", 7, "models:/voices/7"), ("models:/voices/6", 6, "models:/voices/6"), ("", 0, "")],
)
def test_an_alias_is_pinned_to_its_version(address: str, version: int, expected: str) -> None:
    assert StartModel(address=address, version=version).pinned_address == expected
