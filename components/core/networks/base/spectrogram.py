"""Separators around networks that turn spectra into masks, and the shares of the mixture that masks stand for."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from components.core.networks.base.option_names import SharesName
from components.core.networks.base.separator import Separator
from components.core.sound.stft import Stft
from components.core.sound.stft_config import StftConfig

SILENCE = 1e-14
"""Power that is added to powers before they divide: that of noise at about -170 dB of full scale in an STFT of 4,096
samples. It keeps silence finite, and is so small that the quietest recordings are separated like loud ones."""

_EPSILON = 1e-10  # of a mask: where all masks are 0, all stems get the same share

Shares = Callable[[Tensor], Tensor]
"""Masks `(batch, stems, channels, bins, frames)` to shares of the same shape, at every level of the mixture."""


def of_masks(masks: Tensor) -> Tensor:
    """m / Σ m.

    Masks that are trained on absolute differences are sharp already: squaring them costs 0.5 dB
    (docs/decisions/0006-plain-ratio-masks.md).
    """
    return (masks + _EPSILON / masks.shape[1]) / (masks.sum(dim=1, keepdim=True) + _EPSILON)


def of_powers(masks: Tensor) -> Tensor:
    """ŝ² / Σ ŝ², where ŝ is the mask times the mixture's magnitude (`separator.py` of Spleeter).

    The magnitude cancels. Spleeter's ε is added to the powers, so its shares of a quiet mixture are more even.
    """
    return of_masks(masks.square())


MASK_SHARES: Mapping[SharesName, Shares] = {"of-masks": of_masks, "of-powers": of_powers}
"""Shares by their names in configs and in exported files."""


class SpectrogramSeparator(Separator):
    """A network on the lowest `bins` of an STFT, built for patches of `frames` frames."""

    def __init__(self, network: nn.Module, stft: StftConfig, bins: int, frames: int) -> None:
        super().__init__()
        self.network = network
        self.stft = Stft(stft)
        self.bins = bins
        self.band = bins / (stft.window // 2 + 1)
        self.segment = (frames - 1) * stft.hop


class MaskSeparator(SpectrogramSeparator):
    """STFT, a mask network on the lowest `bins` of the magnitudes, masks times mixture, inverse STFT.

    `network` maps `(batch, channels, bins, frames)` magnitudes to `(batch, stems, channels, bins, frames)` masks in
    [0, 1], for any number of frames; `shares` names how they become shares of the mixture.
    """

    def __init__(
        self, network: nn.Module, stft: StftConfig, bins: int, frames: int, shares: SharesName = "of-masks"
    ) -> None:
        super().__init__(network, stft, bins, frames)
        self.shares = shares

    def masks(self, spectrum: Tensor) -> Tensor:
        """Return the network's masks, `(batch, stems, channels, bins, frames)`, of a complex spectrum of all bins."""
        masks: Tensor = self.network(spectrum[..., : self.bins, :].abs())
        return masks.float()

    def estimates(self, mixture: Tensor) -> Tensor:
        """Multiply the mixture by each stem's mask; the bins above those of the network are zero."""
        spectrum = self.stft(mixture)
        masks = nn.functional.pad(self.masks(spectrum), (0, 0, 0, spectrum.shape[-2] - self.bins))
        return self.stft.inverse(masks * spectrum.unsqueeze(1), mixture.shape[-1])

    def forward(self, mixture: Tensor) -> Tensor:
        """Turn masks into shares, so the stems add up; bins above the network's get the mean of their frame.

        Since the shares sum to one, the last stem is the mixture minus the others, without an inverse STFT of its own.
        """
        spectrum = self.stft(mixture)
        ratio = self.ratio(self.masks(spectrum))[:, :-1]
        if ratio.shape[1] == 0:
            return mixture.unsqueeze(1)
        above = ratio.mean(dim=-2, keepdim=True).expand(-1, -1, -1, spectrum.shape[-2] - self.bins, -1)
        stems = self.stft.inverse(_scale(spectrum.unsqueeze(1), torch.cat([ratio, above], dim=-2)), mixture.shape[-1])
        return torch.cat([stems, (mixture - stems.sum(dim=1)).unsqueeze(1)], dim=1)

    def ratio(self, masks: Tensor) -> Tensor:
        """Return masks that sum to one over the stems, same shape."""
        return MASK_SHARES[self.shares](masks)


class ComplexMaskSeparator(SpectrogramSeparator):
    """STFT, a network that gives complex masks for the lowest `bins`, masks times mixture, inverse STFT.

    `network` maps `(batch, channels, bins, frames)` complex spectra to `(batch, stems, channels, bins, frames)` complex
    masks without bounds, for any number of frames.
    """

    def estimates(self, mixture: Tensor) -> Tensor:
        """Multiply the mixture by each stem's mask; the bins above those of the network are zero."""
        spectrum = self.stft(mixture)
        stems = self._stems(spectrum[..., : self.bins, :])
        padded = nn.functional.pad(stems, (0, 0, 0, spectrum.shape[-2] - self.bins))
        return self.stft.inverse(padded, mixture.shape[-1])

    def forward(self, mixture: Tensor) -> Tensor:
        """Multiply the mixture by the masks; above the bins of the network, stems share as in the octave below."""
        spectrum = self.stft(mixture)
        seen, above = spectrum.split([self.bins, spectrum.shape[-2] - self.bins], dim=-2)
        stems = self._stems(seen)
        whole = torch.cat([stems, compute_octave_share(stems, seen) * above.unsqueeze(1)], dim=-2)
        return self.stft.inverse(whole, mixture.shape[-1])

    def _stems(self, spectrum: Tensor) -> Tensor:
        """Multiply the mixture by masks that sum to 1; each mask gets an equal share of the remainder.

        Mixture consistency: Wisdom et al., ICASSP 2019, equation 4.
        """
        masks: Tensor = self.network(spectrum)
        masks = masks + (1 - masks.sum(dim=1, keepdim=True)) / masks.shape[1]
        return masks * spectrum.unsqueeze(1)


def _scale(spectrum: Tensor, factors: Tensor) -> Tensor:
    """Multiply a complex spectrum by real factors; torch's own product makes them complex first."""
    return torch.view_as_complex(torch.view_as_real(spectrum) * factors.unsqueeze(-1))


def compute_octave_share(stems: Tensor, mixture: Tensor) -> Tensor:
    """Return each stem's share of the mixture in the upper half of the bins: `(batch, stems, channels, 1, frames)`.

    `stems` `(batch, stems, channels, bins, frames)` and `mixture` `(batch, channels, bins, frames)`, complex. The
    shares are those of a projection onto the mixture, so they sum to one where the stems add up to it.
    """
    octave = slice(mixture.shape[-2] // 2, None)
    energy = mixture[..., octave, :].abs().square().sum(dim=-2, keepdim=True).unsqueeze(1)
    common = (stems * mixture.unsqueeze(1).conj()).real[..., octave, :].sum(dim=-2, keepdim=True)
    return (common + SILENCE / stems.shape[1]) / (energy + SILENCE)
