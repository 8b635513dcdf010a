"""Demucs returns the output of its authors' package for the same weights."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from components.core.networks.architectures.demucs import DemucsConfig
from components.core.networks.demucs import Demucs, DemucsSeparator, resample_audio, rescale_weights

STEMS = ["drums", "bass", "other", "vocals"]


def _package_network(**more: Any) -> Any:
    """Return the package's network as in version 2: LSTM, ReLU, no norms, no residual branches."""
    package = pytest.importorskip("demucs.demucs")
    return package.Demucs(STEMS, gelu=False, norm_starts=99, dconv_mode=0, lstm_layers=2, **more).eval()


def _pair(config: DemucsConfig, **more: Any) -> tuple[Any, DemucsSeparator]:
    torch.manual_seed(0)
    theirs = _package_network(channels=config.channels, depth=config.depth, resample=config.resample, **more)
    ours = DemucsSeparator(Demucs(config, len(STEMS), 2), config).eval()
    ours.network.load_state_dict(theirs.state_dict())
    return theirs, ours


def _noise(samples: int) -> Tensor:
    return 0.01 + 0.1 * torch.randn(2, 2, samples, generator=torch.Generator().manual_seed(samples))


@pytest.mark.parametrize("resample", [True, False])
@pytest.mark.parametrize("samples", [1, 4000, 4097])
def test_network_returns_the_stems_of_the_package(resample: bool, samples: int) -> None:
    theirs, ours = _pair(DemucsConfig(channels=8, depth=3, resample=resample), normalize=False)
    mixture = _noise(samples)
    with torch.inference_mode():
        wanted, found = theirs(mixture), ours.run_network(mixture)
    assert ours.padded_length(samples) == theirs.valid_length(samples)
    assert found.shape == (2, 4, 2, samples)
    assert wanted.abs().max() > 1e-3
    assert (found - wanted).abs().max() < 1e-5


def test_network_normalises_the_loudness_like_the_package() -> None:
    theirs, ours = _pair(DemucsConfig(channels=8, depth=3))
    mixture = _noise(4000)
    with torch.inference_mode():
        wanted, found = theirs(mixture), ours.estimates(mixture)
    # we divide the variance by n, the package by n - 1
    assert (found - wanted).abs().max() < 1e-3 * wanted.abs().max()


def test_published_size_has_the_number_of_weights_of_the_package() -> None:
    """The file of version 2 has 1,014 MB in float32 (Défossez, Adi and Synnaeve, DiffQ, 2021)."""
    with torch.device("meta"):
        wanted, found = _package_network(channels=64, depth=6).state_dict(), Demucs(DemucsConfig(), 4, 2).state_dict()
    assert {name: value.shape for name, value in found.items()} == {name: value.shape for name, value in wanted.items()}
    assert round(4 * sum(value.numel() for value in found.values()) / 2**20, 1) == 1013.5


@pytest.mark.parametrize(("old", "new"), [(1, 2), (2, 1)])
def test_resampling_equals_julius(old: int, new: int) -> None:
    julius = pytest.importorskip("julius")
    audio = _noise(1000)
    assert (resample_audio(audio, old, new) - julius.resample_frac(audio, old, new)).abs().max() < 1e-5


def test_fresh_weights_are_rescaled_like_the_package() -> None:
    package = pytest.importorskip("demucs.demucs")
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Conv1d(2, 4, 8), nn.ReLU(), nn.ConvTranspose1d(4, 2, 8, bias=False))
    theirs = deepcopy(ours)
    package.rescale_module(theirs, reference=0.1)
    rescale_weights(ours)
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value)
