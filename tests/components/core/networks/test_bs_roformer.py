"""BS-RoFormer computes what the network of the package `bs-roformer` computes."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import parse_network
from components.core.networks.architectures.bs_roformer import BSRoformerConfig
from components.core.networks.base.separator import Separator
from components.core.networks.bs_roformer import build_bs_roformer
from tests.components.core.networks.roformer_packages import (
    build_package_bs_roformer,
    rename_package_weights,
    without_positions,
)
from tests.support.tiny_models import run_python

SMALL = BSRoformerConfig(
    width=16, depth=2, heads=2, head_width=8, bands=(4, 8, 16, 32, 69), window=256, hop=64, segment=8192
)


def _noise(samples: int, channels: int = 2) -> Tensor:
    return 0.1 * torch.randn(1, channels, samples, generator=torch.Generator().manual_seed(samples))


def _separator(stems: int = 2, channels: int = 2, config: BSRoformerConfig = SMALL) -> Separator:
    torch.manual_seed(0)
    return build_bs_roformer(config, stems, channels).eval()


@pytest.fixture(scope="module")
def separator() -> Separator:
    return _separator()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:A window was not provided")
@pytest.mark.parametrize(
    ("stems", "channels", "more"),
    [(1, 1, {}), (3, 2, {"mask_layers": 3}), (2, 2, {"time_layers": 2, "zero_dc": False})],
)
def test_network_returns_the_stems_of_the_package(stems: int, channels: int, more: dict[str, Any]) -> None:
    config = SMALL.model_copy(update=more)
    theirs, ours = build_package_bs_roformer(config, stems, channels), _separator(stems, channels, config)
    ours.network.load_state_dict(without_positions(rename_package_weights(theirs)))
    mixture = _noise(4096, channels) + 0.2  # with a part at 0 Hz
    with torch.inference_mode():
        wanted, found = theirs(mixture).reshape(1, stems, channels, 4096), ours.estimates(mixture)
    assert wanted.abs().max() > 1e-2
    assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max()


def test_defaults_equal_the_paper() -> None:
    """Section 4.4: 62 bands, 12 layers of width 384 with 8 heads; frames of 2,048 samples each 10 ms."""
    published = BSRoformerConfig()
    assert (len(published.bands), published.depth, published.width, published.heads) == (62, 12, 384, 8)
    assert (published.window, published.hop, published.segment) == (2048, 441, 8 * 44100)
    assert published.heads * published.head_width == published.width


@pytest.mark.parametrize(("depth", "millions"), [(12, 93.5), (6, 72.2)])
def test_network_has_the_published_number_of_weights(depth: int, millions: float) -> None:
    with torch.device("meta"):
        network = _separator(1, 2, BSRoformerConfig(depth=depth)).network
    assert round(sum(value.numel() for value in network.parameters()) / 1e6, 1) == millions


def test_positions_are_not_weights_and_separate_frames(separator: Separator) -> None:
    assert not [name for name in separator.state_dict() if "freqs" in name and "to_freqs" not in name]
    click = torch.zeros(1, 2, 8192)
    click[..., 4096] = 1
    shifted = _separator()
    for name, buffer in shifted.named_buffers():
        if name.endswith("rotary_embed.freqs"):
            assert buffer.tolist() == pytest.approx([10000 ** (-pair / 8) for pair in (0, 2, 4, 6)])
            buffer.zero_()
    with torch.inference_mode():
        assert not torch.allclose(separator.estimates(click), shifted.estimates(click), atol=1e-6)


def test_masks_are_float32_under_autocast(separator: Separator) -> None:
    """On a processor autocast itself makes them float32; on a GPU it does not."""
    [estimator, _] = separator.network.get_submodule("mask_estimators").children()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert estimator(torch.ones(1, 3, len(SMALL.bands), SMALL.width)).dtype == torch.float32


@pytest.mark.parametrize("gain", [1e-3, 30.0])
def test_stems_scale_with_the_loudness(separator: Separator, gain: float) -> None:
    mixture = _noise(5000)
    with torch.inference_mode():
        wanted, found = separator(mixture), separator(gain * mixture) / gain
    assert (found - wanted).abs().max() < 1e-5


@pytest.mark.parametrize("samples", [1, 63, 512, 513])
def test_stems_have_lengths_between_hops(samples: int) -> None:
    with torch.inference_mode():
        stems = _separator(config=SMALL.model_copy(update={"hop": 100})).estimates(_noise(samples))
    assert stems.shape == (1, 2, 2, samples)
    assert torch.isfinite(stems).all()


def test_building_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _separator()
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_import_loads_no_optional_package() -> None:
    done = run_python(
        "-c",
        "import sys; import components.core.networks.architecture_registry\n"
        "print({'bs_roformer', 'demucs'} & set(sys.modules))",
    )
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"window": 1024}, "bands: an STFT of window 1024 has 513 bins, the bands have 1025"),
        ({"hop": 1025}, "hop: at most half of the window, 1024"),
        ({"head_width": 47}, "network.head_width: expected a multiple of 2"),
        ({"bands": [0, 1025]}, "network.bands.0: expected a number greater than 0"),
    ],
)
def test_wrong_parameter_is_a_user_error(values: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse_network({"name": "bs_roformer"} | values)
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1
