"""A separator's network as engines want it: real numbers in, real numbers out, one fixed shape."""

from collections.abc import Sequence
from functools import singledispatch

import torch
from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectrogram import ComplexMaskSeparator, MaskSeparator, SpectrogramSeparator
from components.core.networks.base.waveform import WaveformSeparator
from components.core.networks.bs_roformer import BSRoformerSeparator
from components.core.networks.hdemucs import HDemucsSeparator
from components.core.networks.htdemucs import HTDemucsSeparator
from components.core.networks.onnx import OnnxComplexMaskSeparator, OnnxMaskSeparator, OnnxSeparator
from components.core.networks.tdf_unet import CURVE, FLOOR, SILENCE, TdfUNet
from components.export.onnx.real_spectra import RealBSRoformer, RealHybridDemucs


@singledispatch
def exportable(separator: Separator) -> nn.Module:
    """Return the network with real inputs and outputs; raises UserError where that cannot be made."""
    raise UserError(f"{type(separator).__name__} cannot be exported: this kind of separator is not supported")


@exportable.register(MaskSeparator)
@exportable.register(WaveformSeparator)
def _(separator: Separator) -> nn.Module:
    return separator.network


@exportable.register
def _(separator: ComplexMaskSeparator) -> nn.Module:
    if not isinstance(separator.network, TdfUNet):
        raise UserError(f"{type(separator.network).__name__} cannot be exported: it computes with complex numbers")
    return RealTdfUNet(separator.network)


@exportable.register
def _(separator: BSRoformerSeparator) -> nn.Module:
    return RealBSRoformer(separator.network, separator.window, separator.hop)


@exportable.register(HDemucsSeparator)
@exportable.register(HTDemucsSeparator)
def _(separator: Separator) -> nn.Module:
    return RealHybridDemucs(separator.network)


@exportable.register(OnnxComplexMaskSeparator)
@exportable.register(OnnxMaskSeparator)
@exportable.register(OnnxSeparator)
def _(separator: Separator) -> nn.Module:
    raise UserError("an ONNX model cannot be exported: it is an ONNX file already")


@singledispatch
def interface(separator: Separator) -> dict[str, object]:
    """Return what a reader of the file must know to call it, beside targets, rate and channels."""
    raise UserError(f"{type(separator).__name__} cannot be exported: this kind of separator is not supported")


@interface.register
def _(separator: WaveformSeparator) -> dict[str, object]:
    return {"interface": "waveform", "level": separator.level}


@interface.register
def _(separator: ComplexMaskSeparator) -> dict[str, object]:
    return {"interface": "complex-mask", **_spectrum(separator)}


@interface.register
def _(separator: MaskSeparator) -> dict[str, object]:
    return {"interface": "magnitude-mask", "shares": separator.shares, **_spectrum(separator)}


def _spectrum(separator: SpectrogramSeparator) -> dict[str, object]:
    return {"window": separator.stft.window, "hop": separator.stft.hop, "bins": separator.bins}


def network_inputs(separator: Separator, mixtures: Sequence[Tensor]) -> list[Tensor]:
    """Return what the exportable network is given for each of `mixtures`, `(1, channels, samples)`.

    Complex spectra have their parts in a last axis of two.
    """
    seen: list[Tensor] = []
    hook = separator.network.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    try:
        with torch.inference_mode():
            for mixture in mixtures:
                separator.estimates(mixture)
    finally:
        hook.remove()
    return [(torch.view_as_real(one.contiguous()) if one.is_complex() else one).contiguous().clone() for one in seen]


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
        relative = spectrum / power.mean(dim=(1, 2, 3), keepdim=True).add(SILENCE).sqrt().unsqueeze(-1)
        seen = relative
        if network.channels == 2:
            left, right = relative.unbind(1)
            seen = torch.cat([relative, 0.5 * torch.stack([left + right, left - right], dim=1)], dim=1)
        magnitude = seen.square().sum(dim=-1).sqrt()
        level = torch.log1p(CURVE * magnitude) * network.scale[:, None] + network.shift[:, None]
        compressed = relative * (magnitude[:, : network.channels] + FLOOR).rsqrt().unsqueeze(-1)
        return torch.cat([level, compressed[..., 0], compressed[..., 1]], dim=1)
