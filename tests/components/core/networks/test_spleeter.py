"""Spleeter's network equals the published one in every weight and layer, and so do its masks."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.base.params import ParameterError, parse_section
from components.core.networks.architecture_registry import parse_network
from components.core.networks.architectures.spleeter import SpleeterConfig
from components.core.networks.base.spectrogram import MaskSeparator
from components.core.networks.spleeter import StemUNet, StemUNets, Strided, Transposed, build_spleeter
from components.core.sound.stft_config import StftConfig

MASKS = ("sigmoid", "softmax")
STFT = StftConfig(window=512, hop=128)
SMALL = SpleeterConfig(widths=(4, 8), stft=STFT, bins=128, frames=9)
RELU_AND_ELU = [SMALL, SMALL.model_copy(update={"activation": "elu"})]
PUBLISHED = [*RELU_AND_ELU, SMALL.model_copy(update={"activation": "elu", "masks": "softmax"})]


def _separator(stems: int = 2, channels: int = 2, network: SpleeterConfig = SMALL) -> MaskSeparator:
    torch.manual_seed(0)
    separator = build_spleeter(network, stems, channels)
    assert isinstance(separator, MaskSeparator)
    assert separator.shares == "of-powers"
    return separator.eval()


def _mixture(samples: int, channels: int = 2, batch: int = 1) -> Tensor:
    return torch.rand(batch, channels, samples, generator=torch.Generator().manual_seed(samples)) - 0.5


def _stem(config: SpleeterConfig = SMALL) -> StemUNet:
    torch.manual_seed(0)
    [stem] = StemUNets(config, 1, 2).eval().stems
    assert isinstance(stem, StemUNet)
    return stem


def _outputs(stem: StemUNet, image: Tensor) -> dict[str, Tensor]:
    """Return the output of each part of the U-Net by its name, and its input under `in.` and its name."""
    seen: dict[str, Tensor] = {}

    def watch(name: str, part: nn.Module) -> None:
        def keep(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            seen[name], seen[f"in.{name}"] = output.clone(), inputs[0].clone()

        part.register_forward_hook(keep)

    for name, part in stem.named_modules():
        watch(name or "logits", part)
    with torch.no_grad():
        stem(image)
    return seen


# as published


@pytest.mark.parametrize("stems", [2, 4, 5])
def test_network_has_the_published_number_of_weights(stems: int) -> None:
    network = StemUNets(SpleeterConfig(activation="relu" if stems == 2 else "elu"), stems, 2)
    trained = [parameter.numel() for parameter in network.parameters() if parameter.requires_grad]
    assert sum(trained) == stems * 9_822_725


@pytest.mark.slow
def test_layers_have_the_published_sizes() -> None:
    seen = _outputs(_stem(SpleeterConfig()), torch.rand(1, 2, 1024, 512, generator=torch.Generator().manual_seed(0)))
    down = [tuple(seen[f"down.{level}"].shape[1:]) for level in range(6)]
    assert down == [(16, 512, 256), (32, 256, 128), (64, 128, 64), (128, 64, 32), (256, 32, 16), (512, 16, 8)]
    up = [tuple(seen[f"up.{level}"].shape[1:]) for level in range(6)]
    assert up == [(256, 32, 16), (128, 64, 32), (64, 128, 64), (32, 256, 128), (16, 512, 256), (1, 1024, 512)]
    inputs = [seen[f"in.up.{level}"].shape[1] for level in range(6)]
    assert inputs == [512, 512, 256, 128, 64, 32]
    assert seen["logits"].shape == (1, 2, 1024, 512)


def test_batch_norms_have_the_values_of_tensorflow() -> None:
    norms = [module for module in _stem(SpleeterConfig()).modules() if isinstance(module, nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == [16, 32, 64, 128, 256, 256, 128, 64, 32, 16, 1]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


def test_dropout_affects_three_layers_in_training_only() -> None:
    stem = _stem(SpleeterConfig())
    assert [module.p for module in stem.modules() if isinstance(module, nn.Dropout)] == [0.5, 0.5, 0.5, 0, 0, 0]
    small = _stem()
    image = torch.rand(2, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(small(image), small(image))
        small.train()
        assert not torch.equal(small(image), small(image))


def test_skips_carry_the_bare_convolutions_first() -> None:
    seen = _outputs(_stem(), torch.rand(1, 2, 64, 64, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(seen["in.up.0"], seen["down.1"])
    assert torch.equal(seen["in.up.1"][:, :4], seen["down.0"])
    assert torch.equal(seen["in.up.1"][:, 4:], seen["up.0"])
    assert seen["down.0"].min() < 0  # no activation yet


def test_norm_precedes_the_activation_in_the_encoder_only() -> None:
    stem = _stem()
    for norm in stem.modules():
        if isinstance(norm, nn.BatchNorm2d):  # none of them the identity
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.5, 0.5)
    seen = _outputs(stem, torch.rand(1, 2, 64, 64, generator=torch.Generator().manual_seed(0)))
    normed = seen["norms.0"]
    assert torch.equal(seen["in.norms.0"], seen["down.0"])
    assert (normed < 0).any()
    assert torch.allclose(seen["in.down.1"], torch.where(normed > 0, normed, 0.2 * normed))
    assert torch.equal(seen["in.up.0.2"], seen["up.0.0"].clamp(min=0))
    assert torch.equal(seen["up.0"], seen["up.0.2"])


def test_elu_variant_has_elu_everywhere() -> None:
    kinds = {type(module) for module in _stem(RELU_AND_ELU[1]).modules()}
    assert nn.ELU in kinds
    assert not kinds & {nn.ReLU, nn.LeakyReLU}
    assert nn.ELU not in {type(module) for module in _stem().modules()}
    stem = _stem(RELU_AND_ELU[1])
    seen = _outputs(stem, torch.rand(1, 2, 64, 64, generator=torch.Generator().manual_seed(0)))
    for before, after in (("norms.0", "in.down.1"), ("up.0.0", "in.up.0.2")):
        values = seen[before]
        assert (values < 0).any()
        assert torch.allclose(seen[after], torch.where(values > 0, values, values.exp() - 1), atol=1e-6)


# TensorFlow's padding


def _with_weight(layer: nn.Conv2d | nn.ConvTranspose2d, weight: Tensor) -> None:
    assert layer.bias is not None
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.zero_()


KERNEL = torch.arange(1.0, 26.0).reshape(5, 5)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 2), (3, 4), (6, 5), (7, 9)])
def test_convolution_pads_one_before_and_two_after(row: int, column: int) -> None:
    """TensorFlow's rule: for an even size, kernel 5 and stride 2 need 3 of padding, 1 before and 2 after."""
    layer = Strided(1, 1)
    _with_weight(layer, KERNEL)
    image = torch.zeros(1, 1, 8, 10)
    image[..., row, column] = 1
    result = layer(image)[0, 0]
    assert result.shape == (4, 5)
    for out_row, out_column in np.ndindex(4, 5):
        tap_row, tap_column = row + 1 - 2 * out_row, column + 1 - 2 * out_column
        inside = 0 <= tap_row < 5 and 0 <= tap_column < 5
        assert result[out_row, out_column].item() == (KERNEL[tap_row, tap_column].item() if inside else 0)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 2), (3, 4)])
def test_transposed_convolution_begins_one_before(row: int, column: int) -> None:
    layer = Transposed(1, 1)
    _with_weight(layer, KERNEL)
    image = torch.zeros(1, 1, 4, 5)
    image[..., row, column] = 1
    result = layer(image)[0, 0]
    assert result.shape == (8, 10)
    for out_row, out_column in np.ndindex(8, 10):
        tap_row, tap_column = out_row + 1 - 2 * row, out_column + 1 - 2 * column
        inside = 0 <= tap_row < 5 and 0 <= tap_column < 5
        assert result[out_row, out_column].item() == (KERNEL[tap_row, tap_column].item() if inside else 0)


def test_transposed_convolution_is_the_adjoint_of_the_convolution() -> None:
    """TensorFlow defines it as the gradient of the convolution with the same weights."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(6, 3, 5, 5, generator=generator)
    down, up = Strided(3, 6), Transposed(6, 3)
    _with_weight(down, weight)
    _with_weight(up, weight)
    large, small = torch.randn(2, 3, 12, 16, generator=generator), torch.randn(2, 6, 6, 8, generator=generator)
    assert (down(large) * small).sum().item() == pytest.approx((large * up(small)).sum().item(), rel=1e-4)


def test_last_convolution_is_dilated_and_padded_by_three() -> None:
    stem = _stem()
    seen = _outputs(stem, torch.rand(1, 2, 64, 96, generator=torch.Generator().manual_seed(0)))
    padded, features = seen["in.head"], seen["up.1"]
    assert torch.equal(padded, nn.functional.pad(features, (3, 3, 3, 3)))
    bias = stem.head.bias
    assert bias is not None
    plain = bias[:, None, None] + sum(
        stem.head.weight[:, 0, row, column, None, None] * padded[0, :, 2 * row :, 2 * column :][:, :64, :96]
        for row, column in np.ndindex(4, 4)
    )
    assert torch.allclose(seen["logits"][0], plain, atol=1e-5)


# masks


def test_masks_are_sigmoids_or_a_softmax_over_the_stems() -> None:
    """The masks of `unet.unet` and `unet.softmax_unet` in Spleeter."""
    magnitude = torch.rand(2, 2, 100, 9, generator=torch.Generator().manual_seed(0))
    networks = [_separator(4, network=SMALL.model_copy(update={"masks": masks})).network for masks in MASKS]
    with torch.inference_mode():
        sigmoid, softmax = (network(magnitude).double().numpy() for network in networks)
    odds = sigmoid / (1 - sigmoid)  # of the same weights: e to the power of the logits
    assert odds.std() > 0.1
    assert softmax == pytest.approx(odds / odds.sum(axis=1, keepdims=True), rel=1e-4)


def test_masks_are_ratios_of_the_estimated_powers() -> None:
    generator = torch.Generator().manual_seed(0)
    masks = torch.rand(2, 3, 2, 8, 5, generator=generator)
    masks[0, :, 0, 0] = 0  # no stem has energy here
    spectrum = torch.randn(2, 2, 8, 5, dtype=torch.complex64, generator=generator)
    ratio = _separator().ratio(masks).numpy()
    power = (masks.double().numpy() * np.abs(spectrum.numpy().astype(np.complex128))[:, None]) ** 2
    expected = (power + 1e-10 / 3) / (power.sum(axis=1, keepdims=True) + 1e-10)
    assert ratio == pytest.approx(expected, rel=1e-4)
    assert ratio.sum(axis=1) == pytest.approx(np.ones((2, 2, 8, 5)), abs=1e-6)
    assert ratio[0, :, 0, 0] == pytest.approx(1 / 3)


class _Fixed(nn.Module):
    """A network whose masks are the same everywhere."""

    def __init__(self, *masks: float) -> None:
        super().__init__()
        self.masks = torch.tensor(masks)

    def forward(self, magnitude: Tensor) -> Tensor:
        return self.masks.reshape(1, -1, 1, 1, 1).expand(*magnitude.shape[:1], -1, *magnitude.shape[1:])


def test_stems_equal_masks_times_the_mixture() -> None:
    separator = MaskSeparator(_Fixed(0.8, 0.4), STFT, 257, 9, "of-powers")
    mixture = _mixture(3000)
    first, second = separator(mixture).unbind(1)
    assert (first - 0.8 * mixture).abs().max() < 1e-4
    assert (second - 0.2 * mixture).abs().max() < 1e-4
    assert (separator.estimates(mixture)[:, 0] - 0.8 * mixture).abs().max() < 1e-4
    assert (separator.estimates(mixture)[:, 1] - 0.4 * mixture).abs().max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("network", PUBLISHED)
@pytest.mark.parametrize("samples", [1, 511, 1000, 3001])
@pytest.mark.parametrize(("stems", "channels", "batch"), [(2, 2, 1), (4, 1, 2), (5, 2, 1)])
def test_stems_of_any_length_add_up(
    samples: int, stems: int, channels: int, batch: int, network: SpleeterConfig
) -> None:
    separator, mixture = _separator(stems, channels, network), _mixture(samples, channels, batch)
    with torch.inference_mode():
        separated = separator(mixture)
        assert separator.estimates(mixture).shape == (batch, stems, channels, samples)
    assert separated.shape == (batch, stems, channels, samples)
    assert (separated.sum(dim=1) - mixture).abs().max() < 2e-6


@pytest.mark.parametrize(("bins", "frames"), [(128, 16), (100, 9), (1, 1), (257, 3)])
def test_network_accepts_any_number_of_bins_and_frames(bins: int, frames: int) -> None:
    with torch.inference_mode():
        masks = StemUNets(SMALL, 4, 2).eval()(torch.rand(2, 2, bins, frames))
    assert masks.shape == (2, 4, 2, bins, frames)


def test_stems_have_separate_networks() -> None:
    network = _separator(4).network
    magnitude = torch.rand(1, 2, 128, 9, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = network(magnitude)
        assert isinstance(network, StemUNets)
        for parameter in network.stems[2].parameters():
            nn.init.zeros_(parameter)
        after = network(magnitude)
    assert [torch.equal(before[:, stem], after[:, stem]) for stem in range(4)] == [True, True, False, True]
    assert (after[:, 2] == 0.5).all()


@pytest.mark.parametrize("gain", [1e-3, 0.1, 10.0])
def test_network_with_one_level_separates_alike_at_every_level(gain: float) -> None:
    separator = _separator(network=SMALL.model_copy(update={"level_range": (7.6, 7.6)}))
    mixture = _mixture(2000)
    with torch.no_grad():
        torch.testing.assert_close(separator(mixture * gain) / gain, separator(mixture), rtol=1e-4, atol=1e-5)


def test_level_range_scales_only_what_is_outside() -> None:
    mixture = _mixture(2000)
    published = _separator()
    magnitude = published.stft(mixture)[..., : SMALL.bins, :].abs()
    level = float(magnitude.square().mean().sqrt())
    ranged = _separator(network=SMALL.model_copy(update={"level_range": (0.5 * level, 2 * level)}))
    with torch.no_grad():
        for inside in (0.6, 1.0, 1.9):
            torch.testing.assert_close(ranged(inside * mixture), published(inside * mixture))
        for outside, nearest in ((0.01, 0.5), (100.0, 2.0)):
            expected = published(nearest * mixture) * (outside / nearest)
            torch.testing.assert_close(ranged(outside * mixture), expected, rtol=1e-4, atol=1e-5)


def test_level_range_in_the_wrong_order_is_refused() -> None:
    with pytest.raises(ParameterError, match="12 is above 4: swap them"):
        parse_section("train.network", {"name": "spleeter", "level_range": [12.0, 4.0]}, SpleeterConfig, "params.yaml")


def test_silence_is_separated_into_silence() -> None:
    with torch.inference_mode():
        stems = _separator(4)(torch.zeros(1, 2, 3000))
    assert torch.isfinite(stems).all()
    assert not stems.any()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"activation": "selu"}, "network.activation: expected 'relu' or 'elu'"),
        ({"masks": "none"}, "network.masks: expected 'sigmoid' or 'softmax'"),
        ({"dropout": 1.0}, "network.dropout: expected a number less than 1"),
        ({"widths": [16]}, "network.widths: Tuple should have at least 2 items"),
        ({"bins": 2050}, "an STFT of window 4096 has only 2049"),
    ],
)
def test_wrong_parameter_is_a_user_error(values: dict[str, object], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse_network({"name": "spleeter"} | values)
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1
