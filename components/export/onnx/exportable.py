"""The network of a separator with real inputs, real outputs and one fixed shape, as engines require."""

from collections.abc import Sequence
from functools import singledispatch

import torch
from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectral_network import SpectralSeparator
from components.core.networks.base.spectrogram import SILENCE, ComplexMaskSeparator, MaskSeparator, SpectrogramSeparator
from components.core.networks.base.waveform import WaveformSeparator
from components.core.networks.hdemucs import HDemucsSeparator
from components.core.networks.htdemucs import HTDemucsSeparator
from components.core.networks.onnx import (
    OnnxComplexMaskSeparator,
    OnnxMaskSeparator,
    OnnxSeparator,
    OnnxSpectrumSeparator,
)
from components.core.networks.scnet import SCNet
from components.core.networks.tdf_unet import CURVE, FLOOR, TdfUNet
from components.export.onnx.real_spectra import RealHybridDemucs, RealSpectralNetwork


@singledispatch
def make_exportable(separator: Separator) -> nn.Module:
    """Return the network with real inputs and outputs; raises UserError when there is no such form."""
    raise UserError(f"{type(separator).__name__} cannot be exported: this kind of separator is not supported")


@make_exportable.register(MaskSeparator)
@make_exportable.register(WaveformSeparator)
def _(separator: Separator) -> nn.Module:
    return separator.network


@make_exportable.register
def _(separator: ComplexMaskSeparator) -> nn.Module:
    if not isinstance(separator.network, TdfUNet):
        raise UserError(f"{type(separator.network).__name__} cannot be exported: it computes with complex numbers")
    return RealTdfUNet(separator.network)


@make_exportable.register
def _(separator: SpectralSeparator) -> nn.Module:
    if isinstance(separator.network, SCNet):
        raise UserError("SCNet cannot be exported: it transforms its features along time, which engines do not support")
    return RealSpectralNetwork(separator.network)


@make_exportable.register(HDemucsSeparator)
@make_exportable.register(HTDemucsSeparator)
def _(separator: Separator) -> nn.Module:
    return RealHybridDemucs(separator.network)


@make_exportable.register(OnnxComplexMaskSeparator)
@make_exportable.register(OnnxMaskSeparator)
@make_exportable.register(OnnxSeparator)
@make_exportable.register(OnnxSpectrumSeparator)
def _(separator: Separator) -> nn.Module:
    raise UserError("an ONNX model cannot be exported: it is an ONNX file already")


@singledispatch
def describe_interface(separator: Separator) -> dict[str, object]:
    """Return the settings that a program needs to run the file, besides targets, rate and channels."""
    raise UserError(f"{type(separator).__name__} cannot be exported: this kind of separator is not supported")


@describe_interface.register
def _(separator: WaveformSeparator) -> dict[str, object]:
    return {"interface": "waveform", "level": separator.level}


@describe_interface.register
def _(separator: ComplexMaskSeparator) -> dict[str, object]:
    return {"interface": "complex-mask", **_describe_spectrum(separator)}


@describe_interface.register
def _(separator: MaskSeparator) -> dict[str, object]:
    return {"interface": "magnitude-mask", "shares": separator.shares, **_describe_spectrum(separator)}


def _describe_spectrum(separator: SpectrogramSeparator) -> dict[str, object]:
    return {"window": separator.stft.window, "hop": separator.stft.hop, "bins": separator.bins}


def record_network_inputs(separator: Separator, mixtures: Sequence[Tensor]) -> list[Tensor]:
    """Return the input of the exportable network for each of `mixtures`, `(1, channels, samples)`.

    Complex spectra have their real and imaginary parts on a last axis of two.
    """
    inputs: list[Tensor] = []
    hook = separator.network.register_forward_pre_hook(lambda module, given: inputs.append(given[0]))
    try:
        with torch.inference_mode():
            for mixture in mixtures:
                separator.estimates(mixture)
    finally:
        hook.remove()
    return [_to_real(tensor).contiguous().clone() for tensor in inputs]


def _to_real(tensor: Tensor) -> Tensor:
    return torch.view_as_real(tensor.contiguous()) if tensor.is_complex() else tensor


class RealTdfUNet(nn.Module):
    """A `TdfUNet` whose spectra and masks have their real and imaginary parts on a last axis of two."""

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
