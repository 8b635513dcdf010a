"""The weights that a training starts with."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from components.core.base.errors import UserError
from components.core.data.cache_format import ShardReader
from components.core.models.start_model import start_model_folder
from components.core.networks.base.separator import Separator
from components.core.networks.building import build_separator
from components.train.warm_start import take_weights
from tests.components.train.train_music import PARAMS, TARGETS, no_start, noise_cache, train_config
from tests.components.train.training_states import start_model

SMALL_TASNET = {"name": "conv_tasnet", "filters": 8, "bottleneck": 8, "hidden": 8, "layers": 1, "stacks": 1}
WIDER = PARAMS["network"] | {"widths": [4, 16]}


@pytest.fixture
def reader(tmp_path: Path) -> ShardReader:
    return ShardReader(noise_cache(tmp_path / "cache"), "train")


def _fresh(**changes: object) -> Separator:
    torch.manual_seed(0)
    return build_separator(train_config(**changes).network, len(TARGETS), 2)


def test_weights_and_statistics_come_from_the_model(tmp_path: Path, reader: ShardReader) -> None:
    separator, start = _fresh(), start_model(tmp_path / "start", seed=5)
    take_weights(separator, reader, start)
    expected = load_file(start_model_folder(start) / "weights.safetensors")
    assert separator.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in separator.state_dict().items())


def test_without_a_model_the_weights_stay_random(tmp_path: Path, reader: ShardReader) -> None:
    separator = _fresh()
    take_weights(separator, reader, no_start(tmp_path / "start"))
    assert all(torch.equal(value, _fresh().state_dict()[name]) for name, value in separator.state_dict().items())


def test_tensors_that_fit_are_taken_and_the_others_named(
    tmp_path: Path, reader: ShardReader, capsys: pytest.CaptureFixture[str]
) -> None:
    separator, start = _fresh(network=WIDER), start_model(tmp_path / "start", seed=5)
    before = {name: value.clone() for name, value in separator.state_dict().items()}
    take_weights(separator, reader, start)
    given = load_file(start_model_folder(start) / "weights.safetensors")
    taken = {name for name, value in separator.state_dict().items() if not torch.equal(value, before[name])}
    assert taken
    assert all(torch.equal(separator.state_dict()[name], given[name]) for name in taken)
    message = capsys.readouterr().err
    assert message.startswith("train: starts from models:/made@champion, version 3, 000000000000: ")
    unfit = next(name for name, value in given.items() if value.shape != before[name].shape)
    assert unfit in message.split("; fresh: ")[1]


def test_model_of_other_targets_is_refused(tmp_path: Path, reader: ShardReader) -> None:
    start = start_model(tmp_path / "start", seed=5, targets=("vocals", "drums"))
    with pytest.raises(UserError, match=r"separates vocals, drums at 8000 Hz .* data are vocals, accompaniment"):
        take_weights(_fresh(), reader, start)


def test_model_without_a_fitting_weight_is_refused(tmp_path: Path, reader: ShardReader) -> None:
    start = start_model(tmp_path / "start", seed=5, network=SMALL_TASNET)
    with pytest.raises(UserError, match=r"nothing of .* fits train\.network"):
        take_weights(_fresh(), reader, start)
