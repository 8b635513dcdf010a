"""Band-split RoFormer (Lu, Wang, Kong and Hung, ICASSP 2024): bands of given widths that do not overlap."""

from torch import Tensor, nn

from components.core.networks.architectures.bs_roformer import BSRoformerConfig
from components.core.networks.base.roformer import RmsNorm, Roformer
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectral_network import SpectralSeparator


class BSRoformer(Roformer):
    """A norm before the mask estimators, and none at the ends of the transformers."""

    def __init__(self, config: BSRoformerConfig, stems: int, channels: int) -> None:
        super().__init__(config, config.bands, stems, channels, block_norm=nn.Identity, last_norm=RmsNorm)

    def split_bands(self, spectrum: Tensor) -> Tensor:
        """Return the spectrum itself: the bands follow one another."""
        return spectrum

    def join_bands(self, masks: Tensor) -> Tensor:
        """Return the masks themselves."""
        return masks


def build_bs_roformer(config: BSRoformerConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    return SpectralSeparator(BSRoformer(config, stems, channels), config.segment)
