"""Hybrid Demucs is torchaudio's network, and returns the output of its authors' package."""

from typing import Any

import pytest
import torch
from torch import Tensor

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import parse_network
from components.core.networks.architectures.hdemucs import MEETING_LEVELS, HDemucsConfig
from components.core.networks.hdemucs import HDemucsSeparator, build_hdemucs
from components.core.sound.torchaudio_compat import torchaudio

STEMS = ["drums", "bass", "other", "vocals"]
BRANCHES = {
    "encoder": "freq_encoder",
    "decoder": "freq_decoder",
    "tencoder": "time_encoder",
    "tdecoder": "time_decoder",
}
NARROW = HDemucsConfig(channels=8)
"""All levels of the published network."""


@pytest.fixture(scope="module")
def narrow() -> HDemucsSeparator:
    torch.manual_seed(0)
    separator = build_hdemucs(NARROW, len(STEMS), 2)
    assert isinstance(separator, HDemucsSeparator)
    for parameter in separator.parameters():
        if parameter.dim() == 1:  # scales of 1e-4 would hide the branches with attention
            torch.nn.init.normal_(parameter, std=0.1)
    return separator.eval()


def _noise(samples: int) -> Tensor:
    return 0.01 + 0.1 * torch.randn(1, 2, samples, generator=torch.Generator().manual_seed(samples))


def _torchaudio_name(name: str) -> str:
    """Return torchaudio's name for a weight of the package."""
    branch, rest = name.split(".", 1)
    return f"{BRANCHES.get(branch, branch)}.{rest}"


def test_network_returns_the_stems_of_the_package(narrow: HDemucsSeparator) -> None:
    package = pytest.importorskip("demucs.hdemucs")
    theirs = package.HDemucs(STEMS, channels=NARROW.channels).eval()
    ours = narrow.network.state_dict()
    theirs.load_state_dict({name: ours[_torchaudio_name(name)] for name in theirs.state_dict()})
    mixture = _noise(20001)
    with torch.inference_mode():
        wanted, found = theirs(mixture), narrow.run_network(mixture)
    assert wanted.abs().max() > 1e-2
    assert (found - wanted).abs().max() < 1e-5


def test_network_normalises_the_mixture_like_the_package(narrow: HDemucsSeparator) -> None:
    mixture = _noise(20001)
    mono = mixture[0].mean(dim=0)
    mean, deviation = mono.mean(), mono.std()
    with torch.inference_mode():
        wanted = narrow.network((mixture - mean) / deviation) * deviation + mean
        found = narrow.estimates(mixture)
    assert (found - wanted).abs().max() < 1e-3 * wanted.abs().max()


@pytest.mark.slow
def test_defaults_equal_the_high_quality_network_of_torchaudio() -> None:
    with torch.device("meta"):
        theirs, ours = torchaudio.models.hdemucs_high(STEMS), build_hdemucs(HDemucsConfig(), 4, 2).network
    shapes = {name: value.shape for name, value in theirs.state_dict().items()}
    assert {name: value.shape for name, value in ours.state_dict().items()} == shapes


def test_training_changes_every_trainable_weight() -> None:
    """Distributed training refuses a network with weights that do not affect the loss."""
    separator = build_hdemucs(NARROW, 2, 2)
    loss = separator.estimates(_noise(16384)).square().mean()
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = dict(separator.named_parameters())
    frozen = {name for name, value in parameters.items() if not value.requires_grad}
    assert frozen == {"network.time_encoder.4.norm1.weight", "network.time_encoder.4.norm1.bias"}
    assert {name for name, value in parameters.items() if value.grad is None} == frozen


@pytest.mark.parametrize("samples", [1, 16383, 16385])
def test_short_mixtures_are_padded_on_both_sides(narrow: HDemucsSeparator, samples: int) -> None:
    with torch.inference_mode():
        stems = narrow.estimates(_noise(samples))
    assert stems.shape == (1, 4, 2, samples)
    assert torch.isfinite(stems).all()


@pytest.mark.parametrize(("window", "depth"), MEETING_LEVELS.items())
def test_branches_meet_at_the_same_length(window: int, depth: int) -> None:
    separator = build_hdemucs(HDemucsConfig(channels=4, window=window, depth=depth), 2, 1).eval()
    with torch.inference_mode():
        assert separator.estimates(torch.ones(1, 1, 17001)).shape == (1, 2, 1, 17001)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"window": 512}, "window: expected one of 256, 1024, 2048, 4096, 16384"),
        ({"depth": 4}, "depth: a window of 4096 needs at least 5"),
        ({"channels": 6}, "network.channels: expected a multiple of 4"),
    ],
)
def test_wrong_parameter_is_a_user_error(values: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse_network({"name": "hdemucs"} | values)
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1
