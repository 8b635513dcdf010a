"""Mel-Band RoFormer computes what the network of the package `bs-roformer` computes."""

from typing import Any

import pytest
import torch

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import parse_network
from components.core.networks.architectures.mel_band_roformer import MelBandRoformerConfig
from components.core.networks.mel_band_roformer import build_mel_band_roformer
from tests.components.core.networks.roformer_packages import (
    build_package_mel_band_roformer,
    rename_package_weights,
    without_positions,
)

SMALL = MelBandRoformerConfig(width=16, depth=2, heads=2, head_width=8, bands=20, window=1024, hop=256, segment=8192)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:A window was not provided")
@pytest.mark.parametrize(
    ("stems", "channels", "more"),
    [(1, 2, {}), (2, 1, {"mask_layers": 2, "band_layers": 2}), (3, 2, {"rate": 48000, "zero_dc": False})],
)
def test_network_returns_the_stems_of_the_package(stems: int, channels: int, more: dict[str, Any]) -> None:
    config = SMALL.model_copy(update=more)
    theirs, ours = (
        build_package_mel_band_roformer(config, stems, channels),
        build_mel_band_roformer(config, stems, channels).eval(),
    )
    ours.network.load_state_dict(without_positions(rename_package_weights(theirs)))
    mixture = 0.2 + 0.1 * torch.randn(2, channels, 10240, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted, found = theirs(mixture).reshape(2, stems, channels, 10240), ours.estimates(mixture)
    assert wanted.abs().max() > 1e-2
    assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max()


def test_constants_of_the_bands_are_no_weights() -> None:
    state = build_mel_band_roformer(SMALL, 1, 2).state_dict()
    assert {name.split(".")[1] for name in state} == {"band_split", "layers", "mask_estimators"}


def test_bands_without_bins_are_a_user_error() -> None:
    with pytest.raises(UserError, match="bands: 60 are too many for a window of 256: some would have no bin"):
        parse_network({"name": "mel_band_roformer", "window": 256, "hop": 64})
