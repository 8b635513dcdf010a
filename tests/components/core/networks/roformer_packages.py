"""RoFormers of the package `bs-roformer`, with the computation of the code that trained the published weights.

The package has added connections since: they are switched off here, or their weights are set so that they add nothing.
Its names have a part `branch.`, and its Mel-Band network counts a block more, which is empty.
"""

import re
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from components.core.networks.architectures.bs_roformer import BSRoformerConfig
from components.core.networks.architectures.mel_band_roformer import MelBandRoformerConfig
from components.core.networks.base.roformer_config import RoformerConfig


def build_package_bs_roformer(config: BSRoformerConfig, stems: int, channels: int) -> nn.Module:
    """Return the package's network with random weights."""
    package = pytest.importorskip("bs_roformer")
    network = _build(
        package.BSRoformer, config, stems, channels, freqs_per_bands=config.bands,
        mask_estimator_depth=config.mask_layers,
    )  # fmt: skip
    for name, value in network.named_parameters():
        if "to_value_residual_mix" in name:  # the share of the first layer's values in those of the others
            value.data.fill_(-100.0 if name.endswith("bias") else 0.0)
    return network


def build_package_mel_band_roformer(config: MelBandRoformerConfig, stems: int, channels: int) -> nn.Module:
    """Return the package's network with random weights; it counts the hidden layers of the mask estimators."""
    package = pytest.importorskip("bs_roformer")
    return _build(
        package.MelBandRoformer, config, stems, channels, num_bands=config.bands, sample_rate=config.rate,
        linear_transformer_depth=0, add_value_residual=False, mask_estimator_depth=config.mask_layers - 1,
        match_input_audio_length=True,
    )  # fmt: skip


def _build(made: Any, config: RoformerConfig, stems: int, channels: int, **more: Any) -> nn.Module:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package tests its STFT without a window
        network: nn.Module = made(
            config.width, depth=config.depth, stereo=channels == 2, num_stems=stems, dim_head=config.head_width,
            time_transformer_depth=config.time_layers, freq_transformer_depth=config.band_layers, heads=config.heads,
            num_residual_streams=1, flash_attn=False, stft_n_fft=config.window, stft_hop_length=config.hop,
            stft_win_length=config.window, dim_freqs_in=config.bins, zero_dc=config.zero_dc, **more,
        ).eval()  # fmt: skip
    for name, value in network.named_parameters():
        if not name.endswith("freqs"):
            value.data += 0.1 * torch.randn_like(value)
    return network


def rename_package_weights(network: nn.Module) -> dict[str, Tensor]:
    """Return the weights of a network of the package under the names of the published ones, with the positions."""
    state = network.state_dict()
    empty_block = not any(re.match(r"layers\.\d+\.0\.", name) for name in state)
    return {_rename(name, empty_block): value for name, value in state.items() if "to_value_residual_mix" not in name}


def _rename(name: str, empty_block: bool) -> str:
    plain = name.replace(".branch.", ".")
    if not empty_block:
        return plain
    return re.sub(r"^(layers\.\d+)\.(\d+)\.", lambda found: f"{found[1]}.{int(found[2]) - 1}.", plain)


def without_positions(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights without the rotary frequencies, which are constants here."""
    return {name: value for name, value in state.items() if not name.endswith("rotary_embed.freqs")}
