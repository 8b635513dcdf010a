"""Demucs gives what its authors' package gives for the same weights."""

import pytest
import torch

from components.core.networks.demucs import Demucs, DemucsConfig, DemucsSeparator


@pytest.mark.parametrize("resample", [True, False])
@pytest.mark.parametrize("samples", [4000, 4097])
def test_the_same_weights_give_the_same_stems(resample: bool, samples: int) -> None:
    package = pytest.importorskip("demucs.demucs")
    torch.manual_seed(0)
    config = DemucsConfig(channels=8, depth=3, resample=resample)
    theirs = package.Demucs(
        ["a", "b", "c"], channels=8, depth=3, gelu=False, norm_starts=99, dconv_mode=0, lstm_layers=2, resample=resample
    ).eval()
    ours = DemucsSeparator(Demucs(config, 3, 2), config).eval()
    ours.network.load_state_dict(theirs.state_dict())
    mixture = torch.randn(2, 2, samples) * 0.1 + 0.01
    with torch.inference_mode():
        wanted, found = theirs(mixture), ours.estimates(mixture)
    assert ours.length(samples) == theirs.valid_length(samples)
    assert wanted.std() > 1e-3
    # the mean is taken of all samples here, and of all but one there
    assert (found - wanted).abs().max() < 1e-3 * wanted.abs().max()
