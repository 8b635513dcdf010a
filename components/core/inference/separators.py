"""Separators around a network that was rebuilt: as few spectra as possible are made and transformed back."""

from abc import abstractmethod
from copy import deepcopy
from functools import singledispatch

import torch
from torch import Tensor, nn

from components.core.inference.precision import DTYPES, Precision
from components.core.inference.surgery import rebuilt
from components.core.inference.synthesis import synthesis
from components.core.inference.tdf import TdfMasks
from components.core.networks.separator import Separator
from components.core.networks.spectrogram import EPSILON, ComplexMaskSeparator, MaskSeparator, SpectrogramSeparator
from components.core.networks.tdf_unet import TdfUNet


def for_inference(separator: Separator, precision: Precision) -> Separator:
    """Return a copy of `separator`, in evaluation mode and on its device, that separates as it does, faster.

    In fp32 stems differ by rounding alone, in bf16 by about 45 dB less than their level. `separator` stays as it is.
    """
    return _prepared(deepcopy(separator).eval().requires_grad_(False), DTYPES[precision]).eval()


@singledispatch
def _prepared(separator: Separator, dtype: torch.dtype) -> Separator:
    separator.network = _Rebuilt(separator.network, dtype)
    return separator


@_prepared.register
def _(separator: MaskSeparator, dtype: torch.dtype) -> Separator:
    separator.network = _Rebuilt(separator.network, dtype)
    return _RealMasks(separator)


@_prepared.register
def _(separator: ComplexMaskSeparator, dtype: torch.dtype) -> Separator:
    network = separator.network
    separator.network = _Rebuilt(deepcopy(network), dtype)
    # equal shares can be folded into masks without bounds only
    if isinstance(network, TdfUNet) and network.as_mask is torch.complex:
        return _ComplexMasks(separator, TdfMasks(network, dtype))
    return separator


class _Rebuilt(nn.Module):
    """A network of rebuilt layers, which computes in `dtype` wherever weights are involved."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = rebuilt(network)
        self.dtype = dtype
        for module in self.network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                module.to(dtype)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, spectrum: Tensor) -> Tensor:
        """Do what the network does."""
        with torch.autocast(spectrum.device.type, self.dtype, enabled=self.dtype != torch.float32):
            masks: Tensor = self.network(spectrum)
        return masks


class _FirstStems(Separator):
    """Only the spectra of all stems but the last go back to samples; the last is what they leave of the mixture."""

    def __init__(self, inner: SpectrogramSeparator) -> None:
        super().__init__()
        self.inner, self.network = inner, inner.network
        self.segment, self.band = inner.segment, inner.band
        self.inverse = synthesis(inner.stft)

    @abstractmethod
    def first(self, spectrum: Tensor) -> Tensor:
        """Return the spectra of all stems but the last: `(batch, stems - 1, channels, bins, frames)` complex64."""

    def estimates(self, mixture: Tensor) -> Tensor:
        """Return what the training compared: here stems need not add up, so each is made."""
        return self.inner.estimates(mixture)

    def forward(self, mixture: Tensor) -> Tensor:
        """Return stems that add up to the mixture."""
        first = self.first(self.inner.stft(mixture))
        if first.shape[1] == 0:
            return mixture.unsqueeze(1)  # of nothing, no transform
        stems = self.inverse(first, mixture.shape[-1])
        last = mixture.unsqueeze(1) - stems.sum(dim=1, keepdim=True)
        return torch.cat([stems, last], dim=1)


class _RealMasks(_FirstStems):
    """Around a `MaskSeparator`: the same masks, the same share above the network's bins."""

    inner: MaskSeparator

    def first(self, spectrum: Tensor) -> Tensor:
        """Ratio masks times the mixture; above the network's bins the frame's mean mask."""
        seen = spectrum[..., : self.inner.bins, :]
        magnitude = _power(seen).sqrt_()
        masks = _by_frames(self.network(magnitude).float())
        ratio = self.inner.ratio(masks, magnitude)[:, :-1]
        return _masked(spectrum, ratio, ratio.mean(dim=-2, keepdim=True))


class _ComplexMasks(_FirstStems):
    """Around a `ComplexMaskSeparator` with masks that its network has made consistent already."""

    inner: ComplexMaskSeparator

    def __init__(self, inner: ComplexMaskSeparator, masks: TdfMasks) -> None:
        super().__init__(inner)
        self.masks = masks

    def first(self, spectrum: Tensor) -> Tensor:
        """Masks times the mixture; above the network's bins each stem's share of the octave below."""
        seen = spectrum[..., : self.inner.bins, :]
        masks = self.masks(seen.transpose(-1, -2)).transpose(-1, -2)
        return _masked(spectrum, masks, _share(masks.real, seen))


def _share(mask: Tensor, mixture: Tensor) -> Tensor:
    """Return `octave_share` of the stems that `mask` makes of `mixture`: `(batch, stems - 1, channels, 1, frames)`.

    The real part of stem times conjugate mixture is the real part of the mask times the mixture's power.
    """
    octave, stems = slice(mixture.shape[-2] // 2, None), mask.shape[1] + 1
    power = _power(mixture[..., octave, :]).unsqueeze(1)
    common = (mask[..., octave, :] * power).sum(dim=-2, keepdim=True)
    return (common + EPSILON / stems) / (power.sum(dim=-2, keepdim=True) + EPSILON)


def _power(spectrum: Tensor) -> Tensor:
    """Return the squares of magnitudes; torch's `abs` of complex numbers takes twice as long."""
    return spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)


def _by_frames(image: Tensor) -> Tensor:
    """Return `(..., bins, frames)` in the memory order of an STFT, frame by frame."""
    return image.transpose(-1, -2).contiguous().transpose(-1, -2)


def _masked(spectrum: Tensor, masks: Tensor, share: Tensor) -> Tensor:
    """Return the spectrum of every mask: the lowest bins times the mask, those above times `share`.

    `spectrum` `(batch, channels, all bins, frames)`, `masks` `(batch, stems, channels, bins, frames)`, real or complex,
    `share` `(batch, stems, channels, 1, frames)`, real.
    """
    bins = masks.shape[-2]
    frames, masks, share = spectrum.transpose(-1, -2).unsqueeze(1), masks.transpose(-1, -2), share.transpose(-1, -2)
    stems = frames.new_empty((*masks.shape[:-1], frames.shape[-1]))
    torch.mul(frames[..., :bins], masks, out=stems[..., :bins])
    above = torch.view_as_real(stems[..., bins:])
    torch.mul(torch.view_as_real(frames[..., bins:]), share.unsqueeze(-1), out=above)
    return stems.transpose(-1, -2)
