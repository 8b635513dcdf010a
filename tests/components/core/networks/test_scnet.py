"""SCNet: its frames, its bands, its export and wrong parameters (its output: test_conversion.py)."""

from typing import Any

import pytest
import torch

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import parse_network
from components.core.networks.architectures.scnet import SCNetConfig, split_bins
from components.core.networks.scnet import SCNetSeparator, build_scnet
from components.core.sound.stft_config import StftConfig
from components.export.onnx.exportable import make_exportable

SMALL = SCNetConfig(widths=(4, 8), layers=2, stft=StftConfig(window=256, hop=64), segment=4096)


def _separator(config: SCNetConfig = SMALL) -> SCNetSeparator:
    torch.manual_seed(0)
    separator = build_scnet(config, 2, 2).eval()
    assert isinstance(separator, SCNetSeparator)
    return separator


@pytest.mark.parametrize(("samples", "length"), [(1, 576), (639, 704), (640, 704), (703, 704), (704, 832)])
def test_padded_length_adds_silence_up_to_an_even_number_of_frames(samples: int, length: int) -> None:
    """As the training code does: at least one sample, and an odd number of hops."""
    assert _separator().padded_length(samples) == length


@pytest.mark.parametrize("bins", [2049, 1025, 640, 129, 64])
def test_bands_hold_all_bins(bins: int) -> None:
    parts = split_bins(SCNetConfig().bands, bins)
    assert sum(parts) == bins
    assert min(parts) > 0
    if bins == 2049:
        assert parts == [359, 803, 887]  # ceil(0.175 * 2049), ceil(0.567 * 2049) - 359, the rest


def test_padding_at_the_end_does_not_move_the_stems() -> None:
    """A mixture that stops early has the stems of the longer one with the same samples."""
    separator = _separator()
    mixture = torch.zeros(1, 2, 703)
    mixture[..., :600] = 0.1 * torch.randn(1, 2, 600, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole, part = separator.run_network(mixture), separator.run_network(mixture[..., :650])
    assert (whole[..., :650] - part).abs().max() < 1e-6


def test_export_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"^SCNet cannot be exported: it transforms its features along time"):
        make_exportable(_separator())


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"low": {"share": 0.7, "stride": 1, "kernel": 3, "depth": 1}}, "must leave some bins for the high band"),
        (
            {"high": {"share": 0.4, "stride": 16, "kernel": 8, "depth": 1}},
            "a kernel must not be shorter than its stride",
        ),
        ({"widths": [2, 8]}, "widths: expected 4 or more"),
        ({"kernel": 4}, "kernel: expected an odd number"),
        ({"stft": {"window": 2, "hop": 1}}, "level 1 has [1, 1, 0] bins, too few for the kernels"),
        (
            {"high": {"share": 0.4, "stride": 16, "kernel": 999, "depth": 1}},
            "level 1 has [359, 803, 887] bins, too few",
        ),
        ({"layers": 3}, "network.layers: expected a multiple of 2"),
    ],
)
def test_wrong_parameter_is_a_user_error(values: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse_network({"name": "scnet"} | values)
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1
