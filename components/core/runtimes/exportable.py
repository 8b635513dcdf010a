"""A separator's network as engines want it: real numbers in, real numbers out, one fixed shape."""

from functools import singledispatch

import torch
from torch import Tensor, nn

from components.core.errors import UserError
from components.core.networks.separator import Separator
from components.core.networks.spectrogram import ComplexMaskSeparator, MaskSeparator, SpectrogramSeparator
from components.core.networks.tdf_unet import _CURVE, _FLOOR, _SILENCE, TdfUNet
from components.core.networks.waveform import WaveformSeparator


def exportable(separator: Separator, channels: int) -> tuple[nn.Module, Tensor]:
    """Return the network with real inputs and outputs, and zeros of the shape that it takes for one segment.

    Raises UserError for a network of which that cannot be made.
    """
    return _exportable(separator, channels)


@singledispatch
def _exportable(separator: Separator, channels: int) -> tuple[nn.Module, Tensor]:
    raise UserError(f"{type(separator).__name__} cannot be exported: runtimes.exportable knows no such separator")


@_exportable.register
def _(separator: MaskSeparator, channels: int) -> tuple[nn.Module, Tensor]:
    return separator.network, torch.zeros(1, channels, separator.bins, _frames(separator))


@_exportable.register
def _(separator: ComplexMaskSeparator, channels: int) -> tuple[nn.Module, Tensor]:
    if not isinstance(separator.network, TdfUNet):
        raise UserError(f"{type(separator.network).__name__} cannot be exported: it computes with complex numbers")
    return RealTdfUNet(separator.network), torch.zeros(1, channels, separator.bins, _frames(separator), 2)


@_exportable.register
def _(separator: WaveformSeparator, channels: int) -> tuple[nn.Module, Tensor]:
    return separator.network, torch.zeros(1, channels, separator.length(separator.segment))


def _frames(separator: SpectrogramSeparator) -> int:
    return separator.segment // separator.stft.hop + 1


class RealTdfUNet(nn.Module):
    """A `TdfUNet` whose spectra and masks have real and imaginary parts in a last axis of two: the same numbers."""

    def __init__(self, network: TdfUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, spectrum: Tensor) -> Tensor:
        """`(batch, channels, bins, frames, 2)` to `(batch, stems, channels, bins, frames, 2)`."""
        network, frames = self.network, spectrum.shape[-2]
        views = self._views(spectrum)
        image = nn.functional.pad(views, (0, -frames % network.multiple))
        batch, count, bins = image.shape[:3]
        folded = image.reshape(batch, count * network.bands, bins // network.bands, -1)
        parts = network.head(network._features(folded))[..., :frames]
        real, imaginary = parts.reshape(batch, network.stems, network.channels, 2, bins, frames).unbind(3)
        if network.as_mask is not torch.complex:
            real, imaginary = torch.sigmoid(real), torch.zeros_like(real)
        return torch.stack([real, imaginary], dim=-1)

    def _views(self, spectrum: Tensor) -> Tensor:
        network = self.network
        power = spectrum.square().sum(dim=-1)
        relative = spectrum / power.mean(dim=(1, 2, 3), keepdim=True).add(_SILENCE).sqrt().unsqueeze(-1)
        seen = relative
        if network.channels == 2:
            left, right = relative.unbind(1)
            seen = torch.cat([relative, 0.5 * torch.stack([left + right, left - right], dim=1)], dim=1)
        magnitude = seen.square().sum(dim=-1).sqrt()
        level = torch.log1p(_CURVE * magnitude) * network.scale[:, None] + network.shift[:, None]
        compressed = relative * (magnitude[:, : network.channels] + _FLOOR).rsqrt().unsqueeze(-1)
        return torch.cat([level, compressed[..., 0], compressed[..., 1]], dim=1)
