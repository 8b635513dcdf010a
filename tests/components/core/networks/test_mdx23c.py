"""MDX23C: frames that its levels divide, bins above its own, and wrong parameters (its output: test_conversion.py)."""

from typing import Any

import pytest
import torch

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import parse_network
from components.core.networks.architectures.mdx23c import Mdx23cConfig
from components.core.networks.base.spectral_network import SpectralSeparator
from components.core.networks.mdx23c import build_mdx23c
from components.core.sound.stft_config import StftConfig

SMALL = Mdx23cConfig(
    width=4, growth=4, levels=2, blocks=1, scale=(3, 2), stft=StftConfig(window=256, hop=64), bins=64, segment=4096
)


def _separator(config: Mdx23cConfig = SMALL) -> SpectralSeparator:
    torch.manual_seed(0)
    separator = build_mdx23c(config, 2, 2).eval()
    assert isinstance(separator, SpectralSeparator)
    return separator


@pytest.mark.parametrize("samples", [1, 511, 512, 513, 20001])
def test_padded_length_has_frames_that_all_levels_divide(samples: int) -> None:
    length = _separator().padded_length(samples)
    assert length >= samples
    assert length % 64 == 0
    assert (length // 64 + 1) % 9 == 0


@pytest.mark.slow
def test_frames_of_the_segment_of_published_weights_need_no_padding() -> None:
    published = Mdx23cConfig()
    with torch.device("meta"):
        separator = build_mdx23c(published, 2, 2)
    assert isinstance(separator, SpectralSeparator)
    assert separator.padded_length(published.segment) == published.segment


def test_network_neither_hears_nor_writes_the_bins_above_its_own() -> None:
    separator, samples = _separator(), 64 * 89
    time = torch.arange(samples) / 44100
    low, high = (torch.sin(2 * torch.pi * hertz * time).expand(1, 2, -1) for hertz in (1000.0, 18000.0))
    with torch.inference_mode():
        alone, both = separator.network(low), separator.network(low + high)
        spectrum = separator.network.stft(alone)[..., 4:-4]
    assert (alone - both)[..., 512:-512].abs().max() < 1e-2 * alone.abs().max()
    assert spectrum[..., 66:, :].abs().max() < 1e-3 * spectrum.abs().max()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"bins": 4000}, "bins: expected a multiple of 128, of 512 or more, got 4000"),
        ({"bins": 384}, "bins: expected a multiple of 128, of 512 or more, got 384"),
        ({"bins": 8192}, "bins: an STFT of window 8192 has only 4097"),
        ({"norm": "group"}, "network.norm: expected 'instance' or 'batch', got 'group'"),
    ],
)
def test_wrong_parameter_is_a_user_error(values: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse_network({"name": "mdx23c"} | values)
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1
