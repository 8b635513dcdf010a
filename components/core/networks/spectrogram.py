"""Separation by masks on a spectrogram, around any network that turns magnitudes into masks."""

import torch
from torch import Tensor, nn

from components.core.networks.separator import Separator
from components.core.stft import Stft, StftConfig

_EPSILON = 1e-10


class MaskSeparator(Separator):
    """STFT, a mask network on the lowest `bins` of the magnitudes, masks times mixture, inverse STFT.

    `network` maps `(batch, channels, bins, frames)` magnitudes to `(batch, stems, channels, bins, frames)` masks in
    [0, 1], for any number of frames.
    """

    def __init__(self, network: nn.Module, stft: StftConfig, bins: int, frames: int) -> None:
        super().__init__()
        self.network = network
        self.stft = Stft(stft)
        self.bins = bins
        self.segment = (frames - 1) * stft.hop

    def masks(self, spectrum: Tensor) -> Tensor:
        """Return the network's masks, `(batch, stems, channels, bins, frames)`, of a complex spectrum of all bins."""
        masks: Tensor = self.network(spectrum[..., : self.bins, :].abs())
        return masks.float()

    def estimates(self, mixture: Tensor) -> Tensor:
        """Each stem's mask times the mixture; bins above the network's are left out."""
        spectrum = self.stft(mixture)
        masks = nn.functional.pad(self.masks(spectrum), (0, 0, 0, spectrum.shape[-2] - self.bins))
        return self.stft.inverse(masks * spectrum.unsqueeze(1), mixture.shape[-1])

    def forward(self, mixture: Tensor) -> Tensor:
        """Masks scaled to sum to one, so the stems add up; above the network's bins the frame's mean mask.

        The plain ratio m / Σ m, not the ratio of powers of Spleeter (Hennequin et al., JOSS 2020): trained on absolute
        differences the masks are sharp already, and squaring them costs half a decibel (docs/decisions/0006).
        """
        spectrum = self.stft(mixture)
        masks = self.masks(spectrum)
        ratio = (masks + _EPSILON / masks.shape[1]) / (masks.sum(dim=1, keepdim=True) + _EPSILON)
        above = ratio.mean(dim=-2, keepdim=True).expand(-1, -1, -1, spectrum.shape[-2] - self.bins, -1)
        return self.stft.inverse(torch.cat([ratio, above], dim=-2) * spectrum.unsqueeze(1), mixture.shape[-1])
