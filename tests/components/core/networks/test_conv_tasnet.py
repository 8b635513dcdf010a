"""Conv-TasNet is that of Défossez et al. for music: its layers, one after the other, and its sizes."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from components.core.errors import UserError
from components.core.networks.conv_tasnet import ConvTasNet, ConvTasNetConfig, build_conv_tasnet
from components.core.networks.registry import parse_network

SMALL = ConvTasNetConfig(filters=16, filter_samples=16, bottleneck=8, hidden=12, layers=3, stacks=2)
STEMS = 3


def _noise(samples: int, channels: int = 2) -> Tensor:
    return 0.3 * torch.randn(2, channels, samples, generator=torch.Generator().manual_seed(samples))


def _network(channels: int) -> ConvTasNet:
    torch.manual_seed(0)
    network = ConvTasNet(SMALL, STEMS, channels).double().eval()
    for parameter in network.parameters():
        if parameter.dim() == 1:  # norms and slopes, which say nothing when they are fresh
            nn.init.uniform_(parameter, -0.5, 1.5)
    return network


def _by_hand(network: ConvTasNet, mixture: Tensor) -> Tensor:
    """The authors' network in plain sums: frames, masks, overlapping frames of all channels."""
    weights: Iterator[Tensor] = iter(parameter.detach() for parameter in network.parameters())
    size, hop, channels = SMALL.filter_samples, SMALL.filter_samples // 2, mixture.shape[1]
    frames = mixture.unfold(-1, size, hop)  # (batch, channels, frames, samples)
    seen = torch.einsum("bcks,ncs->bnk", frames, next(weights)).clamp(min=0)

    def normed(features: Tensor, axes: tuple[int, ...]) -> Tensor:
        centred = features - features.mean(axes, keepdim=True)
        unit = centred / (centred.square().mean(axes, keepdim=True) + 1e-8).sqrt()
        return next(weights)[:, None] * unit + next(weights)[:, None]

    def across(features: Tensor) -> Tensor:
        return torch.einsum("bik,oi->bok", features, next(weights)[..., 0])

    def sloped(features: Tensor) -> Tensor:
        return features.clamp(min=0) + next(weights) * features.clamp(max=0)

    features = across(normed(seen, (1,)))
    for dilation in (1, 2, 4, 1, 2, 4):
        inner = normed(sloped(across(features)), (1, 2))
        taps, padded = next(weights)[:, 0], functional.pad(inner, (dilation, dilation))
        count = inner.shape[-1]
        inner = sum(
            (taps[:, tap, None] * padded[..., tap * dilation :][..., :count] for tap in range(3)), torch.zeros(())
        )
        features = features + across(normed(sloped(inner), (1, 2)))
    masks = across(features).clamp(min=0).reshape(len(mixture), STEMS, SMALL.filters, -1)
    pieces = torch.einsum("btnk,ncs->btcks", masks * seen[:, None], next(weights))
    stems = torch.zeros(len(mixture), STEMS, channels, mixture.shape[-1], dtype=mixture.dtype)
    for number in range(pieces.shape[3]):
        stems[..., number * hop : number * hop + size] += pieces[..., number, :]
    assert next(weights, None) is None
    return stems


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [16, 800])
def test_it_computes_what_its_authors_network_computes(channels: int, samples: int) -> None:
    network, mixture = _network(channels), _noise(samples, channels).double()
    with torch.inference_mode():
        found = network(mixture)
    wanted = _by_hand(network, mixture)
    assert found.shape == wanted.shape == (2, STEMS, channels, samples)
    assert wanted.abs().max() > 1e-3
    assert (found - wanted).abs().max() < 1e-10


def test_both_channels_are_seen_at_once() -> None:
    network, mixture = _network(2), _noise(800).double()
    other = torch.stack([mixture[:, 0], mixture[:, 1].flip(-1)], dim=1)
    with torch.inference_mode():
        assert (network(mixture)[:, :, 0] - network(other)[:, :, 0]).abs().max() > 1e-4


def test_the_weights_of_the_published_sizes_counted_by_hand() -> None:
    """N = 256, L = 20, B = 256, H = 512, P = 3, X = 10, R = 4; four stems in stereo."""
    n, length, b, h, p, x, r, stems, channels = 256, 20, 256, 512, 3, 10, 4, 4, 2
    block = b * h + p * h + h * b + 2 * (2 * h + 1)  # two norms and two slopes
    ends = 2 * channels * n * length
    with torch.device("meta"):
        network = ConvTasNet(ConvTasNetConfig(), stems, channels)
    found = sum(value.numel() for value in network.parameters())
    assert found == ends + 2 * n + n * b + x * r * block + b * stems * n == 10_977_872


def test_how_far_it_sees() -> None:
    """1.86 s at 44.1 kHz."""
    with torch.device("meta"):
        network = ConvTasNet(ConvTasNetConfig(), 4, 2)
    dilated = [layer for layer in network.modules() if isinstance(layer, nn.Conv1d) and layer.groups > 1]
    frames = 1 + sum((layer.kernel_size[0] - 1) * layer.dilation[0] for layer in dilated)
    assert (frames + 1) * network.encoder.stride[0] == 81_860


@pytest.mark.parametrize("gain", [0.01, 8.0])
def test_loudness_does_not_matter(gain: float) -> None:
    torch.manual_seed(0)
    separator, mixture = build_conv_tasnet(SMALL, 2, 2).eval(), _noise(803)
    with torch.inference_mode():
        assert torch.allclose(separator(gain * mixture), gain * separator(mixture), rtol=2e-2, atol=2e-3 * gain)


def test_a_filter_of_an_odd_number_of_samples_is_one_line() -> None:
    with pytest.raises(UserError, match=r"network\.filter_samples: Input should be a multiple of 2 \(got 15\)"):
        parse_network({"name": "conv_tasnet", "filter_samples": 15})
