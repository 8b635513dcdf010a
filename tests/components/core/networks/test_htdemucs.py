"""HT Demucs is the network of its authors' package, for any length and without randomness."""

import random
import sys
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import parse_network
from components.core.networks.architectures.htdemucs import HTDemucsConfig
from components.core.networks.base.separator import Separator
from components.core.networks.htdemucs import build_htdemucs

STEMS = ["drums", "bass", "other", "vocals"]
SMALL = HTDemucsConfig(channels=8, bottom=32, layers=3, heads=4, segment=22050)


def _noise(samples: int) -> Tensor:
    return 0.01 + 0.1 * torch.randn(1, 2, samples, generator=torch.Generator().manual_seed(samples))


@pytest.fixture(scope="module")
def separator() -> Separator:
    pytest.importorskip("demucs.htdemucs")
    torch.manual_seed(0)
    separator = build_htdemucs(SMALL, len(STEMS), 2)
    for parameter in separator.parameters():
        if parameter.dim() == 1:  # scales of 1e-3 and less would hide the transformer
            torch.nn.init.normal_(parameter, std=0.1)
    return separator.eval()


def test_segment_equals_the_output_of_the_package(separator: Separator) -> None:
    """The package pads every input to the length of the training's crops, as published."""
    theirs = (
        pytest.importorskip("demucs.htdemucs")
        .HTDemucs(
            STEMS, channels=8, bottom_channels=32, t_layers=3, t_heads=4, dconv_mode=3, segment=Fraction(22050, 44100)
        )
        .eval()
    )
    theirs.load_state_dict(separator.network.state_dict())
    mixture = _noise(separator.segment)
    with torch.inference_mode():
        wanted, found = theirs(mixture), separator.estimates(mixture)
    assert wanted.abs().max() > 1e-2
    assert (found - wanted).abs().max() < 3e-6


def test_six_stems_have_the_published_number_of_weights() -> None:
    """The file of htdemucs_6s, 5c90dfd2-34c22ccb.th, has 54,996,327 bytes, in half precision.

    That of htdemucs, 84,141,911 bytes, is 173 kB more than twice its number of weights.
    """
    pytest.importorskip("demucs.htdemucs")
    with torch.device("meta"):
        network = build_htdemucs(HTDemucsConfig(bottom=0), 6, 2).network
    weights = sum(value.numel() for value in network.parameters())
    assert weights == 27_414_996
    assert 0 < 54_996_327 - 2 * weights < 200_000
    assert not [name for name, _ in network.named_parameters() if "sampler" in name]


@pytest.mark.parametrize("samples", [1, 16383, 22051, 50001])
def test_network_accepts_other_lengths_than_the_segment(separator: Separator, samples: int) -> None:
    with torch.inference_mode():
        stems = separator.estimates(_noise(samples))
    assert stems.shape == (1, 4, 2, samples)
    assert torch.isfinite(stems).all()
    assert separator.segment == 22050


def test_training_draws_no_random_shift(separator: Separator) -> None:
    """The package can shift the transformer's positions at random; we switch that off."""
    separator.train()
    outputs = []
    for seed in range(2):
        random.seed(seed)
        torch.manual_seed(seed)
        with torch.no_grad():
            outputs.append(separator.estimates(_noise(17000)))
    separator.eval()
    assert torch.equal(outputs[0], outputs[1])
    with torch.no_grad():
        assert (outputs[0] - separator.estimates(_noise(17000))).abs().max() < 1e-6


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "demucs.htdemucs", None)
    network = parse_network({"name": "htdemucs"})
    assert isinstance(network, HTDemucsConfig)
    with pytest.raises(UserError, match=r"^htdemucs needs the package demucs, .*: pip install 'stemline\[systems\]'$"):
        build_htdemucs(network, 2, 2)


@pytest.mark.parametrize("values", [{"window": 512, "depth": 3}, {"window": 3072}, {"window": 8192, "depth": 5}])
def test_config_accepts_windows_that_fit_the_depth(values: dict[str, int]) -> None:
    pytest.importorskip("demucs.htdemucs")
    small = HTDemucsConfig(channels=8, bottom=8, layers=1, heads=2, **values)
    with torch.inference_mode():
        assert build_htdemucs(small, 2, 1).eval().estimates(torch.ones(1, 1, 17001)).shape == (1, 2, 1, 17001)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"window": 1024}, "window: a depth of 4 needs a multiple of 512 above 1024"),
        ({"window": 2000}, "window: a depth of 4 needs a multiple of 512 above 1024"),
        ({"heads": 7}, "bottom: the transformer's 512 channels must be a multiple of 4 and of 7 heads"),
        ({"bottom": 6}, "network.bottom: expected a multiple of 4"),
        ({"bottom": 0, "heads": 5}, "bottom: the transformer's 384 channels must be a multiple of 4 and of 5 heads"),
        (
            {"bottom": 0, "heads": 2, "channels": 9, "depth": 2},
            "bottom: the transformer's 18 channels must be a multiple",
        ),
        ({"layers": 0}, "network.layers: expected a number greater than 0"),
        ({"channels": 4}, "network.channels: expected a number greater than or equal to 8"),
    ],
)
def test_wrong_parameter_is_a_user_error(values: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse_network({"name": "htdemucs"} | values)
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1
