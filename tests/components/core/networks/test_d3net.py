"""D3Net has the sizes of its authors, and the paper's multidilated convolution."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import ARCHITECTURES, parse_network
from components.core.networks.architectures.d3net import D3NetConfig
from components.core.networks.d3net import D2Block, D3Block, D3Net

SMALL = ARCHITECTURES["d3net"].small


def _convolution(inputs: int, outputs: int, side: int = 3) -> int:
    return inputs * outputs * side**2 + outputs


def _normed(inputs: int, outputs: int, side: int = 3) -> int:
    return 2 * inputs + _convolution(inputs, outputs, side)


def _d2(inputs: int, growth: int, layers: int) -> int:
    later = sum(_normed(growth, growth * (layers - layer)) for layer in range(1, layers))
    return _normed(inputs, growth * layers) + later


def _d3(inputs: int, growth: int, layers: int, blocks: int) -> int:
    later = sum(_d2(growth, growth * (blocks - block), layers) for block in range(1, blocks))
    return _d2(inputs, growth * blocks, layers) + later


def test_published_sizes_have_the_weights_counted_by_hand() -> None:
    """A D3 block is `(inputs, growth, layers, D2 blocks)`; in the decoder it also sees the encoder's block."""
    low = [
        (32, 16, 5, 2), (16, 18, 5, 2), (18, 20, 5, 2), (20, 22, 5, 2),
        (22 + 20, 20, 4, 2), (20 + 18, 18, 4, 2), (18 + 16, 16, 4, 2),
    ]  # fmt: skip
    high = [(8, 2, 1, 1), *[(2, 2, 1, 1)] * 3, *[(2 + 2, 2, 1, 1)] * 3]
    full = [
        (32, 13, 4, 2), (13, 14, 5, 2), (14, 15, 6, 2), (15, 16, 7, 2), (16, 17, 8, 2),
        (17 + 16, 16, 6, 2), (16 + 15, 14, 5, 2), (14 + 14, 12, 4, 2), (12 + 13, 11, 4, 2),
    ]  # fmt: skip
    enter = 2 * _convolution(2, 32) + _convolution(2, 8)
    rise = sum(_normed(width, width, side=2) for width in (22, 20, 18, 2, 2, 2, 17, 16, 14, 12))
    match = _normed(2, 16, side=1)
    last = _d2(16 + 11, 12, 3)
    gate = 2 * 12 + 2 * _convolution(12, 2, side=1)
    scales = 4 * 1600
    blocks = sum(_d3(*block) for block in [*low, *high, *full])
    with torch.device("meta"):
        found = sum(value.numel() for value in D3Net(D3NetConfig(), channels=2).parameters())
    assert found == blocks + enter + rise + match + last + gate + scales == 2_966_655


def test_d2_block_equals_the_multidilated_convolution_of_the_paper() -> None:
    """Layer l sees [x_0, …, x_{l-1}] at once, x_i by a dilation of 2^i: the sum of the paper's definition, in full."""
    torch.manual_seed(0)
    growth, layers = 3, 4
    block = D2Block(5, growth, layers).eval()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.load_state_dict(
                {
                    **module.state_dict(),
                    "running_var": torch.rand(module.num_features) + 0.5,
                    "running_mean": 0.2 * torch.randn(module.num_features),
                }
            )
    image = torch.randn(2, 5, 20, 30)
    sources = [block.first, *block.layers]

    def seen(number: int, layer: int, before: Tensor) -> Tensor:
        norm, activation, convolution = sources[number]
        part = slice(growth * (layer - number - 1), growth * (layer - number))
        dilation = 2**number
        return nn.functional.conv2d(
            activation(norm(before)), convolution.weight[part], convolution.bias[part],
            padding=dilation, dilation=dilation,
        )  # fmt: skip

    with torch.inference_mode():
        features = [image]
        for layer in range(1, layers + 1):
            parts = [seen(number, layer, before) for number, before in enumerate(features)]
            features.append(torch.stack(parts).sum(dim=0))
        assert features[-1].std() > 0.01
        assert (block(image) - features[-1]).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("block", "reach"),
    [
        (D2Block(1, 2, 3), 1 + 2 + 4),
        (D2Block(1, 2, 4), 1 + 2 + 4 + 8),
        (D3Block(1, 2, 3, blocks=2), 2 * (1 + 2 + 4)),
    ],
)
def test_receptive_field_has_no_holes(block: nn.Module, reach: int) -> None:
    for value in block.parameters():
        nn.init.constant_(value, 0.1)
    image = torch.rand(1, 1, 41, 41, requires_grad=True)
    block.eval()(image)[..., 20, 20].sum().backward()
    assert image.grad is not None
    wanted = torch.zeros(41, 41, dtype=torch.bool)
    wanted[20 - reach : 20 + reach + 1, 20 - reach : 20 + reach + 1] = True
    assert torch.equal(image.grad[0, 0] > 0, wanted)


def test_masks_do_not_depend_on_the_loudness() -> None:
    torch.manual_seed(0)
    config = parse_network({"name": "d3net", **SMALL, "bins": 65, "split": 16, "stft": {"window": 128, "hop": 32}})
    assert isinstance(config, D3NetConfig)
    network = D3Net(config, channels=2).eval()
    nn.init.constant_(network.filter.weight, 0.5)
    magnitude = torch.rand(1, 2, 65, 21)
    with torch.inference_mode():
        quiet, loud = network(magnitude), network(100 * magnitude)
    assert quiet.shape == magnitude.shape
    assert quiet.std() > 1e-3
    assert (quiet - loud).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": {**SMALL["low"], "growth": [6, 8]}}, "growth"),
        ({"low": {**SMALL["low"], "layers": [2, 2]}}, "layers"),
        ({"low": {**SMALL["low"], "growth": [6] * 4, "layers": [2] * 4}}, "same odd number of values"),
        ({"full": {**SMALL["full"], "layers": [2, 0, 2]}}, r"full\.layers\.1"),
        ({"split": 1024}, "the low band must end below bin 1024"),
        ({"bins": 2050}, "only 2049"),
    ],
)
def test_wrong_sizes_are_a_user_error(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        parse_network({"name": "d3net", **SMALL, **change})
    assert "\n" not in str(raised.value)
