"""Mel-Band RoFormer (Wang, Lu and Won, arXiv 2310.01809): bands of equal width on the mel scale, which overlap."""

import numpy as np
import torch
from torch import Tensor, nn

from components.core.networks.architectures.mel_band_roformer import MelBandRoformerConfig
from components.core.networks.base.mel_bands import find_mel_bands
from components.core.networks.base.roformer import RmsNorm, Roformer
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectral_network import SpectralSeparator


class MelBandRoformer(Roformer):
    """A norm at the end of each transformer; the mask of a bin is the mean of the masks of its bands."""

    bins_of_bands: Tensor
    places: Tensor
    counts: Tensor

    def __init__(self, config: MelBandRoformerConfig, stems: int, channels: int) -> None:
        members = find_mel_bands(config.bands, config.bins, config.rate)
        super().__init__(
            config, members.sum(axis=1).tolist(), stems, channels, block_norm=RmsNorm, last_norm=nn.Identity
        )
        constants = {
            "bins_of_bands": torch.from_numpy(np.nonzero(members)[1]),
            "places": _find_places(torch.from_numpy(members)),
            "counts": torch.from_numpy(members.sum(axis=0)).float(),
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)

    def split_bands(self, spectrum: Tensor) -> Tensor:
        """Repeat each bin for each of its bands."""
        return spectrum.index_select(2, self.bins_of_bands)

    def join_bands(self, masks: Tensor) -> Tensor:
        """Return for each bin the mean of its masks."""
        padded = nn.functional.pad(masks, (0, 0, 0, 0, 0, 1))
        found = padded.index_select(3, self.places.flatten())
        shape = (*masks.shape[:3], *self.places.shape, *masks.shape[4:])
        return found.reshape(shape).sum(dim=3) / self.counts[:, None, None]


def _find_places(members: Tensor) -> Tensor:
    """Return the places of each bin among the bins of all bands: `(most bands of a bin, bins)`.

    `members` `(bands, bins)` tells which bins are in which band. A bin with fewer bands has the place behind the last.
    """
    total = int(members.sum())
    places = torch.full(members.shape, total)
    places[members] = torch.arange(total)
    return places.sort(dim=0).values[: int(members.sum(dim=0).max())]


def build_mel_band_roformer(config: MelBandRoformerConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    return SpectralSeparator(MelBandRoformer(config, stems, channels), config.segment)
