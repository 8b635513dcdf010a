"""Copies of separators for inference: an optimised network between as few STFTs and inverse STFTs as possible."""

from abc import abstractmethod
from copy import deepcopy
from functools import singledispatch

import torch
from torch import Tensor, nn

from components.core.networks.base.compound import CompoundSeparator
from components.core.networks.base.separator import ResidualSeparator, Separator
from components.core.networks.base.spectrogram import SILENCE, ComplexMaskSeparator, MaskSeparator, SpectrogramSeparator
from components.core.networks.base.waveform import WaveformSeparator
from components.core.networks.tdf_unet import TdfUNet
from components.core.separating.fast.inverse_stft import make_inverse_stft
from components.core.separating.fast.optimised_layers import optimise_layers
from components.core.separating.fast.tdf_unet import TdfMasks
from components.core.separating.precision import DTYPES, Autocast, Precision


def for_inference(separator: Separator, precision: Precision) -> Separator:
    """Return a copy of `separator`, in evaluation mode and on its device, that separates as it does, faster.

    In fp32 the stems differ by rounding alone, in bf16 by noise about 50 dB below them. `separator` does not change.
    """
    return _optimise(deepcopy(separator).eval().requires_grad_(False), DTYPES[precision]).eval()


@singledispatch
def _optimise(separator: Separator, dtype: torch.dtype) -> Separator:
    """Return `separator` with an optimised network, or a faster separator that replaces it."""
    separator.network = _OptimisedNetwork(separator.network, dtype)
    return separator


@_optimise.register
def _(separator: ResidualSeparator, dtype: torch.dtype) -> Separator:
    separator.network = _optimise(separator.network, dtype)
    return separator


@_optimise.register
def _(separator: CompoundSeparator, dtype: torch.dtype) -> Separator:
    separator.network = nn.ModuleList(_optimise(member, dtype) for member in separator.members)
    return separator


@_optimise.register
def _(separator: WaveformSeparator, dtype: torch.dtype) -> Separator:
    """Keep the layers, since many of these networks come from other packages."""
    if dtype != torch.float32:
        separator.network = Autocast(separator.network, dtype)
    return separator


@_optimise.register
def _(separator: MaskSeparator, dtype: torch.dtype) -> Separator:
    separator.network = _OptimisedNetwork(separator.network, dtype)
    return _RealMasks(separator)


@_optimise.register
def _(separator: ComplexMaskSeparator, dtype: torch.dtype) -> Separator:
    network = separator.network
    # TdfMasks folds the equal shares of the remainder into the weights, which a sigmoid after them forbids
    if isinstance(network, TdfUNet) and network.as_mask is torch.complex:
        return _ComplexMasks(separator, TdfMasks(network, dtype))
    separator.network = _OptimisedNetwork(network, dtype)
    return separator


class _OptimisedNetwork(nn.Module):
    """A network of optimised layers, which computes in `dtype` wherever it uses weights."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = optimise_layers(network)
        self.dtype = dtype
        for module in self.network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                module.to(dtype)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor) -> Tensor:
        """Run the network in `dtype`."""
        with torch.autocast(image.device.type, self.dtype, enabled=self.dtype != torch.float32):
            result: Tensor = self.network(image)
        return result


class _FirstStems(Separator):
    """A separator that transforms all stems but the last to samples; the last is the mixture minus their sum."""

    def __init__(self, trained: SpectrogramSeparator, network: nn.Module) -> None:
        super().__init__()
        self.network, self.stft, self.inverse = network, trained.stft, make_inverse_stft(trained.stft)
        self.bins, self.segment, self.band = trained.bins, trained.segment, trained.band

    @abstractmethod
    def first(self, spectrum: Tensor) -> Tensor:
        """Return the spectra of all stems but the last: `(batch, stems - 1, channels, bins, frames)` complex64."""

    def forward(self, mixture: Tensor) -> Tensor:
        """Return stems that add up to the mixture."""
        first = self.first(self.stft(mixture))
        if first.shape[1] == 0:
            return mixture.unsqueeze(1)
        stems = self.inverse(first, mixture.shape[-1])
        last = mixture.unsqueeze(1) - stems.sum(dim=1, keepdim=True)
        return torch.cat([stems, last], dim=1)


class _RealMasks(_FirstStems):
    """Replaces a `MaskSeparator`."""

    def __init__(self, trained: MaskSeparator) -> None:
        super().__init__(trained, trained.network)
        self.trained = trained

    def estimates(self, mixture: Tensor) -> Tensor:
        """Return each stem's mask times the mixture; these need not add up, so all are transformed to samples."""
        return self.trained.estimates(mixture)

    def first(self, spectrum: Tensor) -> Tensor:
        """Return ratio masks times the mixture; above the network's bins the frame's mean mask applies."""
        magnitude = _power(spectrum[..., : self.bins, :]).sqrt_()
        masks = _by_frames(self.network(magnitude).float())
        ratio = self.trained.ratio(masks)[:, :-1]
        return _masked(spectrum, ratio, ratio.mean(dim=-2, keepdim=True))


class _ComplexMasks(_FirstStems):
    """Replaces a `ComplexMaskSeparator`, for masks that already sum to one."""

    network: TdfMasks

    def __init__(self, trained: ComplexMaskSeparator, network: TdfMasks) -> None:
        super().__init__(trained, network)

    def estimates(self, mixture: Tensor) -> Tensor:
        """Return each stem's mask times the mixture, without the bins above the network's."""
        spectrum = self.stft(mixture)
        seen = spectrum[..., : self.bins, :]
        first = self._masks(seen) * seen.unsqueeze(1)
        stems = torch.cat([first, seen.unsqueeze(1) - first.sum(dim=1, keepdim=True)], dim=1)
        whole = nn.functional.pad(stems, (0, 0, 0, spectrum.shape[-2] - self.bins))
        return self.inverse(whole, mixture.shape[-1])

    def first(self, spectrum: Tensor) -> Tensor:
        """Return masks times the mixture; above the network's bins each stem's share of the octave below applies."""
        seen = spectrum[..., : self.bins, :]
        masks = self._masks(seen)
        return _masked(spectrum, masks, _compute_octave_share(masks.real, seen))

    def _masks(self, seen: Tensor) -> Tensor:
        masks: Tensor = self.network(seen.transpose(-1, -2))
        return masks.transpose(-1, -2)


def _compute_octave_share(mask: Tensor, mixture: Tensor) -> Tensor:
    """Return `spectrogram.compute_octave_share` for the stems that masks with the real part `mask` make of `mixture`.

    `(batch, stems - 1, channels, 1, frames)`. Stem times conjugate mixture is the mask times the mixture's power.
    """
    octave, stems = slice(mixture.shape[-2] // 2, None), mask.shape[1] + 1
    power = _power(mixture[..., octave, :]).unsqueeze(1)
    common = (mask[..., octave, :] * power).sum(dim=-2, keepdim=True)
    return (common + SILENCE / stems) / (power.sum(dim=-2, keepdim=True) + SILENCE)


def _masked(spectrum: Tensor, masks: Tensor, share: Tensor) -> Tensor:
    """Return the spectrum of every stem: the lowest bins times the mask, the bins above times `share`.

    `spectrum` `(batch, channels, all bins, frames)`, `masks` `(batch, stems, channels, bins, frames)`, real or complex,
    `share` `(batch, stems, channels, 1, frames)`, real.
    """
    bins = masks.shape[-2]
    mixture, masks, share = spectrum.transpose(-1, -2).unsqueeze(1), masks.transpose(-1, -2), share.transpose(-1, -2)
    stems = mixture.new_empty((*masks.shape[:-1], mixture.shape[-1]))
    torch.mul(mixture[..., :bins], masks, out=stems[..., :bins])
    above = torch.view_as_real(stems[..., bins:])
    torch.mul(torch.view_as_real(mixture[..., bins:]), share.unsqueeze(-1), out=above)
    return stems.transpose(-1, -2)


def _power(spectrum: Tensor) -> Tensor:
    """Return the squared magnitudes; torch's `abs` of complex numbers takes twice as long."""
    return spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)


def _by_frames(image: Tensor) -> Tensor:
    """Return `(..., bins, frames)` with the memory layout of an STFT, frame by frame."""
    return image.transpose(-1, -2).contiguous().transpose(-1, -2)
