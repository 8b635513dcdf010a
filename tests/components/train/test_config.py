"""The section `train`: a mistake in a parameter is one line that names it."""

import re

import pytest

from components.core.base.errors import UserError
from components.core.base.params import parse_section
from components.train.config import TrainConfig
from tests.components.train.train_music import PARAMS, train_config

ONNX_REFUSED = "onnx can't be trained: name another architecture"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"steps": 0}, "train.steps: expected a number greater than 0"),
        ({"steps": "many"}, "train.steps: expected a whole number"),
        ({"precision": "fp16"}, "train.precision: expected 'fp32' or 'bf16'"),
        ({"loss": "cubic"}, "train.loss: expected 'waveform', 'magnitude' or 'sdr'"),
        ({"ema_decay": 1.0}, "train.ema_decay"),
        ({"lerning_rate": 1.0}, "train.lerning_rate: no such parameter"),
        ({"augment": PARAMS["augment"] | {"flip_share": 1.5}}, "train.augment.flip_share"),
        (
            {"network": {"name": "vnet"}},
            "there is no architecture 'vnet': choose from bs_roformer, chain, conv_tasnet,",
        ),
        ({"network": {"name": "onnx", "interface": {"kind": "waveform", "segment": 9}, "size": 1}}, ONNX_REFUSED),
        ({"network": {"name": "unet", "depth": 3}}, "network.depth: no such parameter"),
    ],
)
def test_wrong_parameter_is_a_user_error_with_its_name(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(UserError, match=re.escape(complaint)) as raised:
        train_config(**change)
    assert "\n" not in str(raised.value)


def test_missing_parameter_is_named() -> None:
    values = {name: value for name, value in PARAMS.items() if name != "batch"}
    with pytest.raises(UserError, match=r"train\.batch: missing"):
        parse_section("train", values, TrainConfig, "params.yaml")
