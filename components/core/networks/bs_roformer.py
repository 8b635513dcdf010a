"""Band-split RoFormer (Lu, Wang, Kong and Hung, ICASSP 2024), the network of the `bs-roformer` package.

The network cuts the spectrum into bands and makes one token of each. Attention with rotary positions runs along time
and along the bands in turns. A small network for each band and stem makes complex masks. The package separates one or
two channels. The weights have the package's names; the rotary frequencies are constants, so `state_from_package` leaves
them out.
"""

import warnings
from collections.abc import Mapping

from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.base.optional_packages import import_optional
from components.core.networks.architectures.bs_roformer import BSRoformerConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.waveform import WaveformSeparator


class BSRoformerSeparator(WaveformSeparator):
    """The network on whole numbers of hops, at any loudness: it normalises every band, and its masks are relative."""

    def __init__(self, network: nn.Module, segment: int, window: int, hop: int) -> None:
        super().__init__(network, segment)
        self.window, self.hop = window, hop

    def padded_length(self, samples: int) -> int:
        """Return a whole number of hops, at least two frames: the STFT reflects the edges."""
        return -(-max(samples, 2 * self.window) // self.hop) * self.hop

    def run_network(self, mixture: Tensor) -> Tensor:
        """Separate, and add the stem axis that the package omits for a single stem."""
        stems = super().run_network(mixture)
        return stems if stems.dim() == 4 else stems.unsqueeze(1)


def build_bs_roformer(config: BSRoformerConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`; raises UserError without the package, or for more than two channels."""
    if channels > 2:
        raise UserError(f"bs_roformer separates one or two channels, not {channels}: set cache.channels to 2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package tests its STFT without a window
        network = _build_network(config, stems, channels)
    _make_positions_constant(network)
    for estimator in network.get_submodule("mask_estimators").children():
        estimator.register_forward_hook(_to_float32)
    return BSRoformerSeparator(network, config.segment, config.window, config.hop)


def _build_network(config: BSRoformerConfig, stems: int, channels: int) -> nn.Module:
    network: nn.Module = import_optional("bs_roformer", "bs-roformer", "bs_roformer").BSRoformer(
        config.width, depth=config.depth, stereo=channels == 2, num_stems=stems, time_transformer_depth=1,
        freq_transformer_depth=1, freqs_per_bands=config.bands, dim_head=config.head_width, heads=config.heads,
        flash_attn=False, num_residual_streams=1, dim_freqs_in=config.window // 2 + 1, stft_n_fft=config.window,
        stft_hop_length=config.hop, stft_win_length=config.window,
    )  # fmt: skip
    return network


def _make_positions_constant(network: nn.Module) -> None:
    """Make the rotary frequencies buffers, and switch off the package's cache of angles.

    The package counts the frequencies among the weights, and shares them. It keeps the angles in a buffer that grows
    with the longest input so far. A running average over buffers would mix these angles with the zeros of a network
    that has had shorter inputs.
    """
    for module in network.modules():
        if "freqs" in module._parameters:
            frequencies = module.get_parameter("freqs").detach()
            del module.freqs
            module.register_buffer("freqs", frequencies, persistent=False)
            module.cache_if_possible = False  # type: ignore[assignment]
            module.cached_freqs = module.get_buffer("cached_freqs").new_empty(0)


def _to_float32(_estimator: nn.Module, _inputs: tuple[Tensor, ...], masks: Tensor) -> Tensor:
    """Convert masks to float32: autocast makes them bfloat16, for which torch has no complex type."""
    return masks.float()


def state_from_package(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the package's `BSRoformer` under the names of `separator.network`."""
    return {name: value for name, value in state.items() if not name.endswith("rotary_embed.freqs")}
