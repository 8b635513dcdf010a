"""The U-Net of the paper, and the rules for separators, tested on it."""

import pytest
import torch

from components.core.networks.architectures.unet import UNetConfig
from components.core.networks.base.spectrogram import MaskSeparator
from components.core.networks.unet import UNet
from components.core.sound.stft_config import StftConfig
from tests.support.tiny_models import tiny_separator


def _mixture(samples: int, channels: int = 2, batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, channels, samples, generator=torch.Generator().manual_seed(samples)) - 0.5


@pytest.mark.parametrize("samples", [1, 2, 100, 511, 512, 1000, 1024, 3001])
@pytest.mark.parametrize(("stems", "channels", "batch"), [(2, 2, 1), (4, 1, 3), (2, 3, 2)])
def test_stems_have_the_shape_of_the_mixture(samples: int, stems: int, channels: int, batch: int) -> None:
    separator = tiny_separator(stems, channels)
    mixture = _mixture(samples, channels, batch)
    with torch.inference_mode():
        assert separator(mixture).shape == (batch, stems, channels, samples)
        assert separator.estimates(mixture).shape == (batch, stems, channels, samples)


@pytest.mark.parametrize("widths", [(4,), (4, 8), (2, 4, 4, 8)])
@pytest.mark.parametrize("bins", [100, 128, 257])
def test_unet_accepts_any_depth_and_number_of_bins(widths: tuple[int, ...], bins: int) -> None:
    network = UNetConfig(widths=widths, stft=StftConfig(window=512, hop=128), bins=bins, frames=9)
    separator = tiny_separator(network=network)
    with torch.inference_mode():
        assert separator(_mixture(1500)).shape == (1, 2, 2, 1500)


def test_default_sizes_have_the_weights_counted_by_hand() -> None:
    """Five levels of 16 to 256 channels on 1,024 bins, two stems in stereo."""

    def block(inputs: int, outputs: int) -> int:
        return 9 * inputs * outputs + 9 * outputs * outputs + 2 * 2 * outputs

    def step(inputs: int, outputs: int) -> int:
        return 4 * inputs * outputs + outputs

    levels = [(16, 32), (32, 64), (64, 128), (128, 256)]
    down = sum(step(above, below) + block(below, below) for above, below in levels)
    up = sum(step(below, above) + block(2 * above, above) for above, below in levels)
    ends = 2 * 1024 + block(2, 16) + 16 * 4 + 4
    with torch.device("meta"):
        network = UNet(UNetConfig(), 2, 2)
    found = sum(value.numel() for value in network.parameters())
    assert found == ends + down + up == 2_510_772


def _spectrogram_separator() -> MaskSeparator:
    separator = tiny_separator()
    assert isinstance(separator, MaskSeparator)
    return separator


def test_masks_sum_to_one() -> None:
    separator = _spectrogram_separator()
    with torch.inference_mode():
        masks = separator.masks(separator.stft(_mixture(4000)))
    assert masks.shape == (1, 2, 2, 128, 33)
    assert masks.min() >= 0
    assert masks.max() <= 1
    assert masks.std() > 0.01


def test_stems_add_up_above_the_bins_of_the_network() -> None:
    separator, mixture = tiny_separator(stems=4), _mixture(5000)
    with torch.inference_mode():
        stems = separator(mixture)
        high = torch.cos(torch.pi * torch.arange(5000)).expand(1, 2, -1)  # at half the rate
        of_high = separator(high)
    assert (stems.sum(dim=1) - mixture).abs().max() < 2e-6
    assert (of_high.sum(dim=1) - high).abs().max() < 2e-6


def test_estimates_are_zero_above_the_bins_of_the_network() -> None:
    high = torch.cos(torch.pi * torch.arange(4096)).expand(1, 2, -1)
    with torch.inference_mode():
        inner = tiny_separator().estimates(high)[..., 1024:-1024]
    assert inner.abs().max() < 1e-3


@pytest.mark.parametrize("gain", [0.01, 0.25, 8.0])
def test_stems_scale_with_the_loudness(gain: float) -> None:
    separator, mixture = tiny_separator(), _mixture(6000)
    with torch.inference_mode():
        assert torch.allclose(separator(gain * mixture), gain * separator(mixture), rtol=2e-2, atol=2e-3 * gain)


def test_silence_is_separated_into_silence() -> None:
    with torch.inference_mode():
        stems = tiny_separator()(torch.zeros(1, 2, 3000))
    assert torch.isfinite(stems).all()
    assert not stems.any()


def test_default_size_equals_the_description() -> None:
    """Widths 16 to 256: two and a half million weights. A change here changes the trained model."""
    network = UNet(UNetConfig(), stems=2, channels=2)
    count = sum(parameter.numel() for parameter in network.parameters())
    blocks = sum(
        9 * (inputs * width + width * width) + 4 * width
        for inputs, width in [(2, 16), (32, 32), (64, 64), (128, 128), (256, 256)]
    )
    decoders = sum(9 * (2 * width * width + width * width) + 4 * width for width in (16, 32, 64, 128))
    strides = sum(2 * 4 * above * below + above + below for above, below in [(16, 32), (32, 64), (64, 128), (128, 256)])
    assert count == blocks + decoders + strides + 16 * 4 + 4 + 2 * 1024
    assert count == 2_510_772


def test_transform_has_no_weights() -> None:
    assert all(name.startswith("network.") for name in tiny_separator().state_dict())
