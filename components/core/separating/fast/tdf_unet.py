"""A fast forward pass of Stemline's network (`components.core.networks.tdf_unet`), for separating only.

It has the same weights and sums in another memory layout. An STFT comes frame by frame, so images are `(batch, frames,
bins, channels)`: no spectrum is ever transposed, and kernels are transposed once. Steps that would pass over the memory
once more are folded into weights or done in place: batch norms, biases, the equal shares of the remainder.
"""

from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear
from torch.nn.utils.fusion import fuse_conv_bn_eval

from components.core.networks.base.spectrogram import SILENCE
from components.core.networks.tdf_unet import CURVE, FLOOR, AcrossBins, Block, TdfUNet

Layer = TypeVar("Layer", bound=nn.Module)


class TdfMasks(nn.Module):
    """Spectra to the complex masks of all stems but the last; together with its mask they sum to one.

    `(batch, channels, frames, bins)` to `(batch, stems - 1, channels, frames, bins)`, complex64.
    """

    def __init__(self, network: TdfUNet, dtype: torch.dtype) -> None:
        super().__init__()
        self.views = _Views(network, dtype)
        self.enter = _Enter(network.enter, dtype)
        self.encode = nn.ModuleList(_FastBlock(block, dtype) for block in _checked_layers(Block, network.encode))
        self.down = nn.ModuleList(_Convolution(down, dtype) for down in _checked_layers(nn.Conv2d, network.down))
        self.up = nn.ModuleList(_Up(up, dtype) for up in _checked_layers(nn.ConvTranspose2d, network.up))
        self.decode = nn.ModuleList(_FastBlock(block, dtype) for block in _checked_layers(Block, network.decode))
        self.head = _Head(network, dtype)

    def forward(self, spectrum: Tensor) -> Tensor:
        """Run the U-Net on frames padded to a multiple of the strides, and cut the padding off again."""
        masks: Tensor = self.head(self._features(self.enter(self.views(spectrum))))
        return masks[..., : spectrum.shape[-2], :]

    def _features(self, features: Tensor) -> Tensor:
        skips = []
        for down, encode in zip(self.down, self.encode, strict=False):
            features = encode(features)
            skips.append(features)
            features = down(features)
        features = self.encode[-1](features)
        for up, decode, skip in zip(reversed(self.up), reversed(self.decode), reversed(skips), strict=True):
            features = decode(up(features, skip))
        return features


class _Views(nn.Module):
    """The input of the U-Net as real planes: `(batch, views * bands, frames, bins / bands)`.

    The frames are padded with zeros to a multiple of the strides.
    """

    def __init__(self, network: TdfUNet, dtype: torch.dtype) -> None:
        super().__init__()
        self.bands, self.multiple, self.dtype = network.bands, network.multiple, dtype
        self.scale, self.shift = network.scale, network.shift

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return levels of left, right, mid and side, and the compressed spectrum; all relative to the loudness."""
        parts = torch.view_as_real(spectrum).movedim(-1, 1).contiguous()  # (batch, 2, channels, frames, bins)
        loudness = _power(parts).mean(dim=(1, 2, 3)).add_(SILENCE).sqrt_()
        parts /= loudness.reshape(-1, 1, 1, 1, 1)
        magnitude = _power(parts).sqrt_()
        views = [self._level(magnitude * CURVE)]
        if parts.shape[2] == 2:
            # mid and side are half of the sum and the difference
            views.append(self._level(_power(_sum_and_difference(parts)).sqrt_().mul_(CURVE / 2)))
        views.append((parts * magnitude.add_(FLOOR).rsqrt_().unsqueeze(1)).flatten(1, 2))
        return self._planes(views)

    def _level(self, level: Tensor) -> Tensor:
        return torch.addcmul(self.shift, level.log1p_(), self.scale)

    def _planes(self, views: list[Tensor]) -> Tensor:
        """Fold each view `(batch, n, frames, bins)` into bands, one view after the other."""
        batch, _, frames, bins = views[0].shape
        padded = -(-frames // self.multiple) * self.multiple
        count = sum(view.shape[1] for view in views)
        planes = views[0].new_zeros((batch, count, self.bands, padded, bins // self.bands), dtype=self.dtype)
        parts = torch.split(planes, [view.shape[1] for view in views], dim=1)
        for part, view in zip(parts, views, strict=True):
            part[..., :frames, :] = view.reshape(batch, -1, frames, self.bands, bins // self.bands).transpose(2, 3)
        return planes.flatten(1, 2)


def _power(parts: Tensor) -> Tensor:
    real, imaginary = parts.unbind(1)
    return real.square().addcmul_(imaginary, imaginary)


def _sum_and_difference(parts: Tensor) -> Tensor:
    left, right = parts.unbind(2)
    return torch.stack([left + right, left - right], dim=2)


class _Enter(nn.Module):
    """The first layer, a pointwise convolution: planes `(batch, planes, frames, bins)` to an image."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: nn.Sequential, dtype: torch.dtype) -> None:
        super().__init__()
        convolution = _fold_norm(layer)
        _register(self, dtype, weight=convolution.weight.flatten(1).T, bias=_bias(convolution))

    def forward(self, planes: Tensor) -> Tensor:
        batch, _, frames, bins = planes.shape
        rows = torch.baddbmm(self.bias, planes.flatten(2).transpose(1, 2), self.weight.expand(batch, -1, -1))
        return rows.relu_().reshape(batch, frames, bins, -1)


class _Convolution(nn.Module):
    """A convolution of images, with its kernel transposed like the images."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: nn.Conv2d, dtype: torch.dtype) -> None:
        super().__init__()
        self.stride, self.padding = layer.stride[0], int(layer.padding[0])
        _register(self, dtype, weight=layer.weight.transpose(2, 3), bias=_bias(layer))

    def forward(self, image: Tensor) -> Tensor:
        result = conv2d(image.permute(0, 3, 1, 2), self.weight, self.bias, self.stride, self.padding)
        return result.permute(0, 2, 3, 1)


class _FastBlock(nn.Module):
    """Convolution, fully connected layers over frequency, convolution; with a shortcut around all of it."""

    def __init__(self, block: Block, dtype: torch.dtype) -> None:
        super().__init__()
        self.first = _Convolution(_fold_norm(block.first), dtype)
        self.across = _Across(block.across, dtype)
        self.second = _Convolution(_fold_norm(block.second), dtype)

    def forward(self, image: Tensor) -> Tensor:
        inner: Tensor = self.first(image).relu_()
        inner = self.across(inner).add_(inner)
        result: Tensor = self.second(inner).relu_()
        return result.add_(image)


class _Across(nn.Module):
    """Two fully connected layers over frequency, one to fewer bins and one back, each with batch norm and ReLU.

    The factors of both batch norms multiply the few bins between the layers: a factor for each channel commutes with
    the second layer.
    """

    narrow: Tensor
    narrow_scale: Tensor
    narrow_shift: Tensor
    widen: Tensor
    widen_scale: Tensor
    widen_shift: Tensor

    def __init__(self, layers: nn.Sequential, dtype: torch.dtype) -> None:
        super().__init__()
        for name, layer in zip(("narrow", "widen"), _checked_layers(AcrossBins, layers), strict=True):
            scale, shift = _norm_factors(layer.norm)
            _register(self, dtype, **{name: layer.linear.weight, f"{name}_scale": scale, f"{name}_shift": shift})

    def forward(self, image: Tensor) -> Tensor:
        rows = image.flatten(0, 1)  # (batch * frames, bins, channels)
        few = torch.addcmul(self.narrow_shift, torch.matmul(self.narrow, rows), self.narrow_scale)
        few = few.relu_().mul_(self.widen_scale)
        many = torch.baddbmm(self.widen_shift, self.widen.expand(rows.shape[0], -1, -1), few)
        return many.relu_().reshape(image.shape)


class _Up(nn.Module):
    """A transposed convolution to twice the size, added to the skip in place."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: nn.ConvTranspose2d, dtype: torch.dtype) -> None:
        super().__init__()
        # inputs, outputs, bins, frames: each input bin and frame makes two by two, and none overlap
        weight = layer.weight.permute(3, 2, 1, 0).flatten(0, 2)
        _register(self, dtype, weight=weight, bias=_bias(layer).repeat(4))

    def forward(self, image: Tensor, skip: Tensor) -> Tensor:
        batch, frames, bins, _ = image.shape
        made = linear(image, self.weight, self.bias).reshape(batch, frames, bins, 2, 2, -1).transpose(2, 3)
        return skip.reshape(made.shape).add_(made).reshape(skip.shape)


class _Head(nn.Module):
    """Images to complex masks that sum to one with the last stem's.

    Each mask gets an equal share of the remainder, (1 - Σ masks) / stems (mixture consistency: Wisdom et al., ICASSP
    2019, equation 4). This is linear, so it is folded into the weights.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, network: TdfUNet, dtype: torch.dtype) -> None:
        super().__init__()
        self.shape = (network.stems - 1, network.channels, 2, network.bands)
        weight = network.head.weight.reshape(network.stems, *self.shape[1:], -1)
        bias = _bias(network.head).reshape(network.stems, *self.shape[1:])
        bias = bias - bias.mean(dim=0)
        bias[:, :, 0] += 1 / network.stems
        _register(self, dtype, weight=(weight - weight.mean(dim=0))[:-1].flatten(0, 3))
        _register(self, torch.float32, bias=bias[:-1].movedim(2, 0)[..., None, :, None])

    def forward(self, image: Tensor) -> Tensor:
        batch, frames, bins, _ = image.shape
        planes = torch.bmm(self.weight.expand(batch, -1, -1), image.flatten(1, 2).transpose(1, 2))
        parts = planes.reshape(batch, *self.shape, frames, bins).permute(0, 3, 1, 2, 5, 4, 6)
        parts = parts.to(torch.float32, memory_format=torch.contiguous_format).add_(self.bias)
        real, imaginary = parts.flatten(-2).unbind(1)
        return torch.complex(real, imaginary)


def _checked_layers(kind: type[Layer], layers: nn.ModuleList | nn.Sequential) -> Iterator[Layer]:
    for layer in layers:
        assert isinstance(layer, kind)
        yield layer


def _fold_norm(layer: nn.Sequential) -> nn.Conv2d:
    """Return the convolution of a layer (convolution, batch norm, ReLU) with the batch norm in its weights."""
    convolution, norm, _ = layer
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(convolution, norm)


def _norm_factors(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return the factor and the summand of each channel of a trained batch norm."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return scale, norm.bias - norm.running_mean * scale


def _bias(layer: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


def _register(module: nn.Module, dtype: torch.dtype, **tensors: Tensor) -> None:
    """Register buffers in `dtype`, kernels in the memory layout that convolutions prefer."""
    for name, tensor in tensors.items():
        layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
        module.register_buffer(name, tensor.detach().to(dtype, memory_format=layout, copy=True))
