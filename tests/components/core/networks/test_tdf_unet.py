"""The TFC-TDF U-Net, and separation by complex masks around any network."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import parse_network
from components.core.networks.architectures.tdf_unet import TdfUNetConfig
from components.core.networks.base.spectrogram import ComplexMaskSeparator, compute_octave_share
from components.core.networks.tdf_unet import AcrossBins, TdfUNet, build_tdf_unet
from components.core.sound.stft_config import StftConfig

STFT = StftConfig(window=512, hop=128)
SMALL = TdfUNetConfig(widths=(4, 8), stft=STFT, bins=128, bands=2, bottleneck=4, frames=9)


def _separator(stems: int = 2, channels: int = 2, network: TdfUNetConfig = SMALL) -> ComplexMaskSeparator:
    torch.manual_seed(0)
    separator = build_tdf_unet(network, stems, channels)
    assert isinstance(separator, ComplexMaskSeparator)
    assert isinstance(separator.network, TdfUNet)
    # the masks of an untrained network hardly differ from its biases
    nn.init.normal_(separator.network.head.weight, std=0.3)
    return separator.eval()


def _mixture(samples: int, channels: int = 2, batch: int = 1) -> Tensor:
    return torch.rand(batch, channels, samples, generator=torch.Generator().manual_seed(samples)) - 0.5


def _tone(cycles_a_sample: float, samples: int = 4096) -> Tensor:
    return torch.cos(2 * torch.pi * cycles_a_sample * torch.arange(samples)).expand(1, 2, -1)


def _complex(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


# shapes


@pytest.mark.parametrize("samples", [1, 2, 100, 511, 512, 1000, 1024, 3001])
@pytest.mark.parametrize(("stems", "channels", "batch"), [(2, 2, 1), (4, 1, 3), (2, 1, 1), (4, 2, 2)])
def test_network_accepts_any_length(samples: int, stems: int, channels: int, batch: int) -> None:
    separator = _separator(stems, channels)
    mixture = _mixture(samples, channels, batch)
    with torch.inference_mode():
        assert separator(mixture).shape == (batch, stems, channels, samples)
        assert separator.estimates(mixture).shape == (batch, stems, channels, samples)


@pytest.mark.parametrize("frames", range(1, 10))
def test_network_accepts_any_number_of_frames(frames: int) -> None:
    with torch.inference_mode():
        masks = _separator(4, 2).network(_complex(0, 2, 2, 128, frames))
    assert masks.shape == (2, 4, 2, 128, frames)
    assert masks.dtype == torch.complex64


@pytest.mark.parametrize(
    ("widths", "bins", "bands"), [((4,), 257, 1), ((4,), 255, 5), ((2, 4, 4, 8), 256, 4), ((4, 8), 6, 3)]
)
def test_network_accepts_any_depth_that_divides_the_bins(widths: tuple[int, ...], bins: int, bands: int) -> None:
    separator = _separator(network=TdfUNetConfig(widths=widths, stft=STFT, bins=bins, bands=bands, frames=9))
    mixture = _mixture(1500)
    with torch.inference_mode():
        stems = separator(mixture)
    assert stems.shape == (1, 2, 2, 1500)
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-5


def test_segment_is_a_multiple_of_the_hop() -> None:
    assert _separator().segment == 8 * 128
    assert _separator().band == pytest.approx(128 / 257)


def test_default_size_equals_the_description() -> None:
    """Widths 32 to 128, 4 bands: one million weights. A change here changes the trained model."""
    network = TdfUNet(TdfUNetConfig(), stems=2, channels=2)
    levels = list(zip((32, 64, 96, 128), (256, 128, 64, 32), (32, 16, 8, 8), strict=True))
    blocks = [2 * 9 * width**2 + 2 * height * narrow + 8 * width for width, height, narrow in levels]
    enter = 4 * 8 * 32 + 2 * 32  # 8 views in 4 bands
    strides = sum(2 * 4 * above * below + above + below for above, below in [(32, 64), (64, 96), (96, 128)])
    head = 32 * (2 * 2 * 2 * 4) + 2 * 2 * 2 * 4
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == enter + sum(blocks) + sum(blocks[:-1]) + strides + head + 2 * 1024
    assert count == 1_027_136


# what it does


@settings(max_examples=40, deadline=None)
@given(
    samples=st.integers(1, 3000),
    stems=st.sampled_from([2, 4]),
    channels=st.sampled_from([1, 2]),
    gain=st.floats(1e-3, 10),
)
def test_stems_add_up_to_the_mixture(samples: int, stems: int, channels: int, gain: float) -> None:
    mixture = gain * _mixture(samples, channels)
    with torch.inference_mode():
        separated = _separator(stems, channels)(mixture)
    assert separated.shape == (1, stems, channels, samples)
    assert (separated.sum(dim=1) - mixture).abs().max() < 1e-5 * gain


def test_stems_differ_from_one_another_and_from_the_mixture() -> None:
    mixture = _mixture(4000)
    with torch.inference_mode():
        first, second = _separator()(mixture)[0]
    for difference in (first - second, first - mixture[0], second - mixture[0]):
        assert difference.square().mean() > 1e-3 * mixture.square().mean()


@pytest.mark.parametrize("cycles", [0.3, 0.4, 0.5])
def test_stems_add_up_above_the_bins_of_the_network(cycles: float) -> None:
    high = _tone(cycles)
    with torch.inference_mode():
        stems = _separator(4)(high)
    assert (stems.sum(dim=1) - high).abs().max() < 1e-5


def test_estimates_are_zero_above_the_bins_of_the_network() -> None:
    low, high = _tone(0.1), _tone(0.4)
    with torch.inference_mode():
        inner = _separator().estimates(low + high)[..., 1024:-1024]
        assert (inner.sum(dim=1) - low[..., 1024:-1024]).abs().max() < 1e-3


@pytest.mark.parametrize("gain", [0.01, 0.25, 8.0, 1000.0])
def test_stems_scale_with_the_level(gain: float) -> None:
    separator, mixture = _separator(), _mixture(6000)
    with torch.inference_mode():
        assert torch.allclose(separator(gain * mixture), gain * separator(mixture), rtol=1e-3, atol=1e-4 * gain)


def test_silence_is_separated_into_silence() -> None:
    with torch.inference_mode():
        stems = _separator(4)(torch.zeros(1, 2, 3000))
    assert torch.isfinite(stems).all()
    assert not stems.any()


def test_silence_gives_finite_gradients() -> None:
    separator = _separator().train()
    separator.estimates(torch.zeros(2, 2, 3000)).abs().sum().backward()  # type: ignore[no-untyped-call]
    for name, parameter in separator.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_training_changes_every_weight() -> None:
    separator = _separator().train()
    separator.estimates(_mixture(3000)).square().sum().backward()  # type: ignore[no-untyped-call]
    for name, parameter in separator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_batch_items_do_not_affect_each_other() -> None:
    separator = _separator()
    mixtures = torch.cat([_mixture(3000), 0.01 * _mixture(3000).flip(-1)])
    with torch.inference_mode():
        together = separator(mixtures)
        for number in range(2):
            alone = separator(mixtures[number : number + 1])[0]
            assert (together[number] - alone).abs().max() < 1e-5 * mixtures[number].abs().max()


def test_stems_do_not_depend_on_the_memory_layout() -> None:
    plain, last = _separator(), _separator().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    weight = last.network.encode[0].first[0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    mixture = _mixture(5000, batch=2)
    with torch.inference_mode():
        assert torch.allclose(last(mixture), plain(mixture), atol=1e-5)
    gradients = []
    for separator in (plain, last):
        separator.train().estimates(mixture).square().mean().backward()
        found = [parameter.grad for parameter in separator.parameters() if parameter.grad is not None]
        gradients.append(torch.cat([gradient.flatten() for gradient in found]))
    assert gradients[0].shape == (sum(parameter.numel() for parameter in plain.parameters()),)
    assert torch.allclose(gradients[0], gradients[1], rtol=1e-3, atol=1e-4 * float(gradients[0].abs().max()))


def test_masks_have_full_precision_under_autocast() -> None:
    separator, mixture = _separator(), _mixture(5000)
    heard: list[torch.dtype] = []
    assert isinstance(separator.network, TdfUNet)
    separator.network.head.register_forward_hook(lambda _module, _inputs, output: heard.append(output.dtype))
    spectrum = separator.stft(mixture)[..., : separator.bins, :]
    with torch.inference_mode():
        exact = separator.network(spectrum)
        with torch.autocast("cpu", torch.bfloat16):
            masks, estimates = separator.network(spectrum), separator.estimates(mixture)
    assert heard == [torch.float32, torch.bfloat16, torch.bfloat16]
    assert masks.dtype == torch.complex64
    assert estimates.dtype == torch.float32
    assert 0 < (masks - exact).abs().max() < 0.1 * exact.abs().max()


def test_bounded_masks_are_real_and_sum_to_one() -> None:
    network = SMALL.model_copy(update={"mask": "bounded"})
    with torch.inference_mode():
        masks = _separator(network=network).network(_complex(0, 1, 2, 128, 20))
        unbounded = _separator().network(_complex(0, 1, 2, 128, 20))
    assert not masks.imag.any()
    assert masks.real.min() > 0
    assert masks.real.max() < 1
    assert masks.real.std() > 0.01
    assert unbounded.imag.std() > 0.01
    assert unbounded.real.min() < 0


def test_skips_carry_the_mixture_past_the_depths() -> None:
    """Without any output of the deeper levels, the masks still follow the mixture."""
    network = _separator().network
    assert isinstance(network, TdfUNet)
    spectrum = _complex(0, 1, 2, 128, 12)
    with torch.inference_mode():
        for parameter in network.up.parameters():
            nn.init.zeros_(parameter)
        masks = network(spectrum)
        for parameter in network.down.parameters():
            nn.init.normal_(parameter)
        assert torch.equal(network(spectrum), masks)
    assert masks[..., 2:-2, 2:-2].real.std(dim=-1).min() > 1e-3


def test_frequency_layer_is_a_product_per_channel_and_frame() -> None:
    torch.manual_seed(0)
    layer = AcrossBins(3, 10, 4)
    features = torch.randn(2, 3, 10, 5)
    nn.init.uniform_(layer.norm.bias)
    result = layer.eval()(features).detach().numpy()
    weight, shift = layer.linear.weight.detach().numpy(), layer.norm.bias.detach().numpy()
    for batch, channel, frame in np.ndindex(2, 3, 5):
        plain = weight @ features[batch, channel, :, frame].numpy() / np.sqrt(1 + layer.norm.eps) + shift[channel]
        assert result[batch, channel, :, frame] == pytest.approx(np.maximum(plain, 0), abs=1e-5)


class _Fixed(nn.Module):
    """A network whose masks are the same everywhere."""

    def __init__(self, *masks: complex) -> None:
        super().__init__()
        self.masks = torch.tensor(masks, dtype=torch.complex64)

    def forward(self, spectrum: Tensor) -> Tensor:
        return self.masks.reshape(1, -1, 1, 1, 1).expand(*spectrum.shape[:1], -1, *spectrum.shape[1:])


def test_stems_share_the_remainder_of_the_masks_equally() -> None:
    separator = ComplexMaskSeparator(_Fixed(0.2, 0.5), STFT, 128, 9)
    mixture = _mixture(3000)
    stems = separator(mixture)
    assert (stems[:, 0] - 0.35 * mixture).abs().max() < 1e-5
    assert (stems[:, 1] - 0.65 * mixture).abs().max() < 1e-5


def test_masks_rotate_phases() -> None:
    separator = ComplexMaskSeparator(_Fixed(0.5 + 0.5j, 0.5 - 0.5j), STFT, 128, 9)
    angle = 2 * torch.pi * 0.1 * torch.arange(4096)
    stems = separator(torch.cos(angle).expand(1, 2, -1))[..., 1024:-1024]
    turned = torch.stack([torch.cos(angle + torch.pi / 4), torch.cos(angle - torch.pi / 4)])[:, 1024:-1024]
    assert (stems[0, :, 0] - turned * 0.5**0.5).abs().max() < 1e-3


# above the network's bins


def test_share_of_the_octave_is_a_projection_on_the_mixture() -> None:
    stems, mixture = _complex(1, 2, 3, 2, 10, 4), _complex(2, 2, 2, 10, 4)
    shares = compute_octave_share(stems, mixture)
    assert shares.shape == (2, 3, 2, 1, 4)
    for batch, stem, channel, frame in np.ndindex(2, 3, 2, 4):
        upper = mixture[batch, channel, 5:, frame].numpy()
        part = stems[batch, stem, channel, 5:, frame].numpy()
        expected = np.vdot(upper, part).real / np.vdot(upper, upper).real
        assert shares[batch, stem, channel, 0, frame].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("level", [1e-4, 1.0, 1e3])
def test_octave_shares_sum_to_one(level: float) -> None:
    stems = level * _complex(3, 2, 4, 2, 9, 5)
    assert torch.allclose(compute_octave_share(stems, stems.sum(dim=1)).sum(dim=1), torch.ones(1), atol=1e-3)


def test_octave_shares_of_silence_are_equal() -> None:
    silence = torch.zeros(1, 4, 2, 8, 3, dtype=torch.complex64)
    assert torch.allclose(compute_octave_share(silence, silence[:, 0]), torch.tensor(0.25))


# parameters


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"bins": 1000}, "bins: 1000 cannot be halved 3 times in 4 bands"),
        ({"bins": 1024, "bands": 3}, "bins: 1024 cannot be halved 3 times in 3 bands"),
        ({"bins": 258, "bands": 1, "stft": {"window": 512, "hop": 128}}, "an STFT of window 512 has only 257"),
        ({"widths": []}, "network.widths: Tuple should have at least 1 item"),
        ({"bottleneck": 0}, "network.bottleneck: expected a number greater than 0"),
        ({"mask": "soft"}, "network.mask: expected 'complex' or 'bounded'"),
        ({"frames": 2}, "network.frames: expected a number greater than 2"),
    ],
)
def test_wrong_parameter_is_a_user_error(values: dict[str, object], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse_network({"name": "tdf_unet"} | values)
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1
