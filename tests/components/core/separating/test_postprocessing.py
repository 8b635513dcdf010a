"""Post-processing of the network's estimates keeps the sum of the stems."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.base.params import parse_section
from components.core.networks.architectures.unet import UNetConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectrogram import MaskSeparator
from components.core.separating.postprocessing import Shifted, post_processed
from components.core.separating.postprocessing_config import PostProcessing
from components.core.separating.wiener import wiener_filter
from components.core.sound.stft import Stft
from components.core.sound.stft_config import StftConfig
from tests.support.tiny_models import TINY, tiny_separator

SMALL = StftConfig(window=512, hop=128)
WAYS = [
    PostProcessing(method="native", shifts=3),
    PostProcessing(method="ratio"),
    PostProcessing(method="ratio", exponent=2.0, above="zero"),
    PostProcessing(method="wiener"),
    PostProcessing(method="wiener", iterations=2, above="zero", shifts=2),
]


def _mixture(samples: int, channels: int = 2, batch: int = 1) -> Tensor:
    return torch.rand(batch, channels, samples, generator=torch.Generator().manual_seed(samples)) - 0.5


def _tone(cycles_a_sample: float, samples: int = 16384) -> Tensor:
    return torch.cos(2 * torch.pi * cycles_a_sample * torch.arange(samples)).expand(1, 2, -1)


class _Shares(Separator):
    """Returns shares of the mixture, which do not add up; it sees all frequencies."""

    def __init__(self, *shares: float) -> None:
        super().__init__()
        self.network, self.segment = nn.Identity(), 512
        self.shares = torch.tensor(shares)

    def estimates(self, mixture: Tensor) -> Tensor:
        return self.shares.reshape(1, -1, 1, 1) * mixture.unsqueeze(1)


class _Late(Separator):
    """Puts everything after a fixed sample of its input into the first stem, so that shifts matter."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self.network, self.segment, self.place = nn.Identity(), 512, place

    def estimates(self, mixture: Tensor) -> Tensor:
        late = torch.arange(mixture.shape[-1]) >= self.place
        return torch.stack([mixture * late, mixture * ~late], dim=1)


@pytest.mark.slow
@pytest.mark.parametrize("post", WAYS)
@pytest.mark.parametrize("samples", [1, 2, 999, 4097])
@pytest.mark.parametrize(("stems", "channels", "batch"), [(2, 2, 1), (4, 1, 2)])
def test_stems_of_any_length_add_up(post: PostProcessing, samples: int, stems: int, channels: int, batch: int) -> None:
    mixture = _mixture(samples, channels, batch)
    with torch.inference_mode():
        separated = post_processed(tiny_separator(stems, channels), post)(mixture)
    assert separated.shape == (batch, stems, channels, samples)
    assert separated.dtype == torch.float32
    assert (separated.sum(dim=1) - mixture).abs().max() < 1e-5


@settings(max_examples=25, deadline=None)
@given(
    method=st.sampled_from(["ratio", "wiener"]),
    above=st.sampled_from(["average", "zero"]),
    samples=st.integers(1, 6000),
    gain=st.floats(1e-3, 10),
)
def test_stems_add_up_at_any_level(method: str, above: str, samples: int, gain: float) -> None:
    post = parse_section("post", {"method": method, "above": above}, PostProcessing, "params.yaml")
    mixture = gain * _mixture(samples)
    with torch.inference_mode():
        separated = post_processed(tiny_separator(), post)(mixture)
    assert (separated.sum(dim=1) - mixture).abs().max() < 1e-5 * gain


@pytest.mark.parametrize("post", [PostProcessing(), *WAYS])
@pytest.mark.parametrize("decibels", [-60, -40, -20, 20])
def test_post_processing_separates_alike_at_every_level(post: PostProcessing, decibels: float) -> None:
    separator, mixture, gain = post_processed(tiny_separator(), post), 0.2 * _mixture(20000), 10 ** (decibels / 20)
    with torch.inference_mode():
        stems = separator(mixture)
        difference = separator(gain * mixture) / gain - stems
    assert difference.square().sum() < 1e-9 * stems.square().sum()


def test_separator_without_shifts_stays_unchanged() -> None:
    separator = tiny_separator()
    assert post_processed(separator, PostProcessing()) is separator
    assert post_processed(separator, PostProcessing(overlap=0.75)) is separator


@pytest.mark.parametrize("post", WAYS)
def test_wrapped_separator_has_the_attributes_of_the_inner_one(post: PostProcessing) -> None:
    separator = tiny_separator()
    around = post_processed(separator, post)
    assert around is not separator
    assert (around.segment, around.band) == (separator.segment, separator.band)
    assert around.network is separator.network
    assert not any(module.training for module in around.modules())


# ratio


class _Slope(nn.Module):
    """Two masks that do not add up: one falls with frequency, the other rises."""

    def forward(self, magnitude: Tensor) -> Tensor:
        rise = torch.linspace(0.1, 0.6, magnitude.shape[-2])[:, None].expand_as(magnitude)
        return torch.stack([0.7 - rise, rise**2], dim=1)


def test_ratios_of_a_mask_network_are_near_its_masks() -> None:
    separator = MaskSeparator(_Slope(), StftConfig(), 1024, 9)
    spectrum = torch.fft.rfft(_mixture(30000))
    low = torch.fft.irfft(torch.where(torch.arange(15001) < 7000, spectrum, 0))  # within the network's bins
    with torch.inference_mode():
        own = separator(low)
        ratio, squares = (
            post_processed(separator, PostProcessing(method="ratio", exponent=exponent))(low) for exponent in (1, 2)
        )
    distances = [((other - own).square().sum() / own.square().sum()).item() for other in (ratio, squares)]
    assert distances[0] < 1e-4
    assert distances[1] > 1e-2


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_ratios_use_magnitudes_to_the_exponent(exponent: float) -> None:
    mixture = _mixture(6000)
    stems = post_processed(_Shares(0.6, -0.2, 0.2), PostProcessing(method="ratio", exponent=exponent))(mixture)
    power = np.array([0.6, 0.2, 0.2]) ** exponent
    for stem, share in zip(stems[0], power / power.sum(), strict=True):
        assert (stem - share * mixture[0]).abs().max() < 1e-4


def test_ratios_are_equal_where_all_estimates_are_zero() -> None:
    mixture = _mixture(6000)
    stems = post_processed(_Shares(0.0, 0.0), PostProcessing(method="ratio"))(mixture)
    assert (stems - mixture.unsqueeze(1) / 2).abs().max() < 1e-5


# wiener


def test_wiener_filter_runs_the_requested_iterations() -> None:
    separator, mixture = (
        tiny_separator(network=UNetConfig(widths=(4, 8), stft=SMALL, bins=257, frames=9)),
        _mixture(8192),
    )
    found = []
    for iterations in (1, 2):
        post = PostProcessing(method="wiener", iterations=iterations)
        stft = Stft(StftConfig())
        with torch.inference_mode():
            spectrum = stft(mixture)
            filtered = wiener_filter(stft(separator.estimates(mixture)), spectrum, iterations)
            filtered = filtered + (spectrum.unsqueeze(1) - filtered.sum(dim=1, keepdim=True)) / 2
            found.append(post_processed(separator, post)(mixture))
            assert (found[-1] - stft.inverse(filtered, 8192)).abs().max() < 1e-5
    assert (found[0] - found[1]).abs().max() > 1e-3


# above the network's limit


@pytest.mark.parametrize("method", ["ratio", "wiener"])
def test_zero_gives_everything_above_the_limit_to_the_last_stem(method: str) -> None:
    post = parse_section("post", {"method": method, "above": "zero"}, PostProcessing, "params.yaml")
    low, high = _tone(0.1), _tone(0.4)
    with torch.inference_mode():
        stems = post_processed(tiny_separator(stems=4), post)(low + high)
        spectra = Stft(StftConfig())(stems)[..., 8:-8]
    first_above = round(TINY.bins / 257 * 2049)
    assert spectra[:, :-1, :, first_above:].abs().max() < 1e-2
    expected = Stft(StftConfig())(low + high)[..., first_above:, 8:-8]
    assert (spectra[:, -1, :, first_above:] - expected).abs().max() < 1e-2
    assert spectra[:, :, :, :first_above].abs().amax(dim=(0, 2, 3, 4)).min() > 1


@pytest.mark.parametrize("method", ["ratio", "wiener"])
def test_average_continues_the_shares_of_the_octave_below(method: str) -> None:
    """The separator's shares do not depend on frequency, so they continue unchanged above its limit."""
    separator = _Shares(0.75, 0.25)
    separator.band = 1025 / 2049
    post = parse_section("post", {"method": method}, PostProcessing, "params.yaml")
    mixture = _mixture(20000)
    stems = post_processed(separator, post)(mixture)[0]
    shares = {"ratio": (0.75, 0.25), "wiener": (0.9, 0.1)}[method]  # of magnitudes, and of their squares
    for stem, share in zip(stems, shares, strict=True):
        assert (stem - share * mixture[0]).abs().max() < 2e-3


# shifts


def test_shifts_average_shifted_separations() -> None:
    separator, mixture = tiny_separator(), _mixture(5000)
    with torch.inference_mode():
        found = post_processed(separator, PostProcessing(shifts=3))(mixture)
        alone = []
        for offset in (0, 7350, 14700):  # thirds of half a second at 44.1 kHz
            padded = torch.cat([torch.zeros(1, 2, offset), mixture], dim=-1)
            alone.append(separator(padded)[..., offset:])
    assert (found - sum(alone) / 3).abs().max() < 1e-6
    assert (alone[0] - alone[1]).abs().max() > 1e-3


@pytest.mark.parametrize("shifts", [1, 2, 5])
def test_average_counts_each_shift_once(shifts: int) -> None:
    """The first stem gets the shifted recordings that begin after the separator's fixed sample."""
    mixture = torch.ones(1, 2, 300)
    first = Shifted(_Late(10_000), shifts)(mixture)[0, 0]
    late = sum(round(22050 * number / shifts) >= 10_000 for number in range(shifts))
    assert first.numpy() == pytest.approx(np.full((2, 300), late / shifts), abs=1e-6)


# parameters


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"method": "magic"}, "post.method: expected 'native', 'ratio' or 'wiener'"),
        ({"exponent": 0.0}, "post.exponent: expected a number greater than 0"),
        ({"iterations": 0}, "post.iterations: expected a number greater than 0"),
        ({"iterations": 1.5}, "post.iterations: expected a whole number"),
        ({"above": "below"}, "post.above: expected 'average' or 'zero'"),
        ({"overlap": 1.0}, "post.overlap: expected a number less than 1"),
        ({"overlap": -0.1}, "post.overlap: expected a number greater than or equal to 0"),
        ({"shifts": 0}, "post.shifts: expected a number greater than 0"),
        ({"shift": 2}, "post.shift: no such parameter"),
    ],
)
def test_impossible_settings_are_a_user_error(values: dict[str, object], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse_section("post", values, PostProcessing, "params.yaml")
    assert str(error.value).startswith(f"params.yaml: {says}")
    assert len(str(error.value).splitlines()) == 1
