"""Conv-TasNet runs torchaudio's network on each channel."""

import pytest
import torch
from torch import Tensor

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import parse_network
from components.core.networks.architectures.conv_tasnet import ConvTasNetConfig
from components.core.networks.conv_tasnet import ConvTasNet, build_conv_tasnet
from components.core.sound.torchaudio_compat import torchaudio

SMALL = ConvTasNetConfig(filters=16, filter_samples=16, bottleneck=8, hidden=16, layers=3, stacks=2)


def _noise(samples: int, channels: int = 2) -> Tensor:
    return 0.3 * torch.randn(2, channels, samples, generator=torch.Generator().manual_seed(samples))


@pytest.mark.parametrize("samples", [1, 803])
def test_channels_equal_the_output_of_torchaudio(samples: int) -> None:
    torch.manual_seed(0)
    theirs = torchaudio.models.ConvTasNet(
        3, enc_kernel_size=16, enc_num_feats=16, msk_num_feats=8, msk_num_hidden_feats=16, msk_num_layers=3,
        msk_num_stacks=2,
    ).eval()  # fmt: skip
    ours = ConvTasNet(SMALL, 3).eval()
    ours.network.load_state_dict(theirs.state_dict())
    mixture = _noise(samples)
    with torch.inference_mode():
        wanted = torch.stack([theirs(mixture[:, channel : channel + 1]) for channel in range(2)], dim=2)
        found = ours(mixture)
    assert found.shape == (2, 3, 2, samples)
    assert wanted.abs().max() > 1e-4
    assert (found - wanted).abs().max() < 1e-6


SPEECH = {"filters": 512, "filter_samples": 16, "bottleneck": 128, "layers": 8, "stacks": 3}


def test_sizes_for_speech_equal_torchaudio() -> None:
    with torch.device("meta"):
        theirs, ours = torchaudio.models.ConvTasNet(num_sources=2), ConvTasNet(ConvTasNetConfig(**SPEECH), 2).network
    shapes = {name: value.shape for name, value in theirs.state_dict().items()}
    assert {name: value.shape for name, value in ours.state_dict().items()} == shapes


@pytest.mark.parametrize(("more", "seen"), [(SPEECH, 12_256), ({}, 81_860)])
def test_receptive_field_equals_the_paper(more: dict[str, int], seen: int) -> None:
    """1.53 s at 8 kHz, Table II of the paper; and the sizes for music of Défossez et al. (2019), the defaults."""
    with torch.device("meta"):
        network = ConvTasNet(ConvTasNetConfig(**more), 4).network
    dilated = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv1d) and layer.groups > 1]
    frames = 1 + sum((layer.kernel_size[0] - 1) * layer.dilation[0] for layer in dilated)
    assert (frames + 1) * network.encoder.stride[0] == seen


@pytest.mark.parametrize("gain", [0.01, 8.0])
def test_stems_scale_with_the_loudness(gain: float) -> None:
    torch.manual_seed(0)
    separator, mixture = build_conv_tasnet(SMALL, 2, 2).eval(), _noise(803)
    with torch.inference_mode():
        assert torch.allclose(separator(gain * mixture), gain * separator(mixture), rtol=2e-2, atol=2e-3 * gain)


def test_odd_filter_is_a_user_error() -> None:
    with pytest.raises(UserError, match=r"network\.filter_samples: expected a multiple of 2, got 15"):
        parse_network({"name": "conv_tasnet", "filter_samples": 15})
