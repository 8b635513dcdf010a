"""Narrow strided convolutions in bfloat16; without the guard they fail on processors with AMX alone."""

import pytest
import torch
from torch import Tensor, nn

from components.core.networks.architecture_registry import ARCHITECTURES, parse_network
from components.core.networks.base.narrow_convolutions import guard_narrow_convolutions
from components.core.networks.building import build_separator


def _fill_free_memory_with_nan() -> None:
    """Fill free memory with NaN, which the next tensors get in place of accidental zeros."""
    _ = [torch.full((size,), torch.nan) for size in (2**8, 2**12, 2**16, 2**20) for _ in range(4)]


def _output_and_gradients(layer: nn.Module, image: Tensor, dtype: torch.dtype) -> list[Tensor]:
    layer.zero_grad()
    image = image.clone().requires_grad_()
    _fill_free_memory_with_nan()
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        output = layer(image)
    weights = torch.linspace(-1, 1, output.numel()).reshape(output.shape)
    _fill_free_memory_with_nan()
    (output.float() * weights).sum().backward()
    gradients = [value.grad for value in (image, *layer.parameters())]
    return [output.detach().float(), *(gradient for gradient in gradients if gradient is not None)]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(32, 32, 2, stride=2, padding=(0, 1)),
        nn.Conv2d(32, 32, 5, stride=2, padding=2),
        nn.Conv2d(32, 32, 3, stride=(1, 4), padding=1),
        nn.ConvTranspose2d(32, 32, 2, stride=2),
        nn.ConvTranspose2d(32, 32, 5, stride=2),
        nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1),
    ],
)
def test_narrow_convolution_in_bf16_equals_fp32(layer: nn.Module, width: int) -> None:
    torch.manual_seed(0)
    guard_narrow_convolutions(layer)
    image = torch.randn(2, 32, 34, width)
    exact = _output_and_gradients(layer, image, torch.float32)
    rounded = _output_and_gradients(layer, image, torch.bfloat16)
    for wanted, found in zip(exact, rounded, strict=True):
        assert found.shape == wanted.shape
        assert (found - wanted).abs().max() < 0.02 * wanted.abs().max()


def test_guard_does_not_change_fp32() -> None:
    torch.manual_seed(0)
    layer, image = nn.Conv2d(8, 8, 3, stride=2), torch.randn(1, 8, 20, 3)
    before = layer(image)
    guard_narrow_convolutions(layer)
    assert torch.equal(layer(image), before)


@pytest.mark.parametrize("name", ["unet", "spleeter", "tdf_unet"])
def test_short_crop_in_bf16_equals_fp32(name: str) -> None:
    torch.manual_seed(0)
    separator = build_separator(parse_network({"name": name, **ARCHITECTURES[name].small}), 2, 2).eval()
    mixture = torch.rand(1, 2, 3000) - 0.5
    with torch.inference_mode():
        exact = separator(mixture)
        _fill_free_memory_with_nan()
        with torch.autocast("cpu", torch.bfloat16):
            rounded = separator(mixture)
    assert (rounded - exact).abs().max() < 0.05 * mixture.abs().max()
