"""Wave-U-Net has its authors' sizes, and its output does not depend on the borders of a segment."""

import pytest
import torch
from torch import Tensor

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import parse_network
from components.core.networks.architectures.wave_unet import WaveUNetConfig
from components.core.networks.wave_unet import WaveUNet, build_wave_unet, insert_midpoints

TINY = WaveUNetConfig(layers=3, filters=4, segment=805)


def _network(config: WaveUNetConfig = TINY, stems: int = 2) -> WaveUNet:
    torch.manual_seed(0)
    return WaveUNet(config, stems, channels=2).eval()


def _noise(samples: int) -> Tensor:
    return 0.3 * torch.randn(1, 2, samples, generator=torch.Generator().manual_seed(samples))


def test_sizes_equal_the_paper() -> None:
    """147,443 input samples give 16,389 output samples in the paper's models with input context (M3 and later)."""
    config = WaveUNetConfig()
    assert config.output_length(16384) == 16389
    assert config.output_length(16389) + config.context == 147443
    assert config.output_length(config.segment) == config.segment
    with torch.device("meta"):
        network = WaveUNet(config, 2, channels=2)
        assert network(torch.empty(1, 2, 147443)).shape == (1, 2, 2, 16389)


def test_network_has_the_weights_of_the_published_m4_checkpoint() -> None:
    """123,160,696 bytes: weights and Adam's two means of each, in float32, two powers of Adam's, and the step."""
    with torch.device("meta"):
        count = sum(value.numel() for value in WaveUNet(WaveUNetConfig(), 2, channels=2).parameters())
    assert 3 * 4 * count + 4 + 4 + 8 == 123_160_696


@pytest.mark.parametrize(
    "config",
    [TINY, WaveUNetConfig(layers=1, filters=2, down=1, up=1), WaveUNetConfig(layers=5, filters=2, down=3, up=7)],
)
@pytest.mark.parametrize("samples", [1, 2, 100, 805])
def test_network_returns_the_length_of_the_config(config: WaveUNetConfig, samples: int) -> None:
    given = config.output_length(samples)
    assert samples <= given < samples + config.step + config.up
    with torch.inference_mode():
        assert _network(config)(_noise(given + config.context)).shape == (1, 2, 2, given)


def test_output_does_not_depend_on_the_border() -> None:
    """A longer and a shorter piece give the same samples, up to the edge of the shorter one."""
    network, input_length = _network(), TINY.output_length(400) + TINY.context
    longer = _noise(input_length + 10 * TINY.step)
    start = 3 * TINY.step
    with torch.inference_mode():
        wanted = network(longer)[..., start : start + TINY.output_length(400)]
        found = network(longer[..., start : start + input_length])
    assert found.std() > 1e-3
    assert (found - wanted).abs().max() < 1e-6


def test_upsampling_inserts_means() -> None:
    line = torch.arange(5.0).expand(1, 2, -1)
    assert torch.equal(insert_midpoints(line), torch.arange(0, 4.5, 0.5).expand(1, 2, -1))
    assert torch.equal(insert_midpoints(line[..., :1]), line[..., :1])


@pytest.mark.parametrize("stems", [2, 4])
def test_last_stem_is_the_remainder(stems: int) -> None:
    separator, mixture = build_wave_unet(TINY, stems, 2).eval(), _noise(805)
    with torch.inference_mode():
        estimates = separator.estimates(mixture)
    assert (estimates.sum(dim=1) - mixture).abs().max() < 1e-6
    assert estimates[:, 0].std() > 1e-4


def test_stems_do_not_depend_on_a_shift_by_whole_steps() -> None:
    separator, mixture = build_wave_unet(TINY, 2, 2).eval(), _noise(805)
    lead = torch.zeros(1, 2, TINY.context // 2 // TINY.step * TINY.step + TINY.step)
    with torch.inference_mode():
        wanted = separator(mixture)
        found = separator(torch.cat([lead, mixture], dim=-1))[..., lead.shape[-1] :]
    assert (found - wanted).abs().max() < 1e-6


@pytest.mark.parametrize("filters", [{"down": 14}, {"up": 4}])
def test_even_filters_are_a_user_error(filters: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"network\.(down|up): the filters must have an odd number of samples, got"):
        parse_network({"name": "wave_unet", **filters})
