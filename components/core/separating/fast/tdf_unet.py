"""Stemline's network (`components.core.networks.tdf_unet`) once more, laid out for separating alone.

The same weights and sums, in another order of memory. An STFT comes frame by frame, and so everything stays: images are
`(batch, frames, bins, channels)` and no spectrum is ever transposed; kernels are, once. What would be a pass of its own
over memory is folded into weights or done in place: batch norms, biases, the equal shares of what the masks leave.
"""

from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear
from torch.nn.utils.fusion import fuse_conv_bn_eval

from components.core.networks.tdf_unet import CURVE, FLOOR, SILENCE, AcrossBins, Block, TdfUNet

Layer = TypeVar("Layer", bound=nn.Module)


class TdfMasks(nn.Module):
    """Spectra to the complex masks of all stems but the last; with the last one's they sum to one.

    `(batch, channels, frames, bins)` to `(batch, stems - 1, channels, frames, bins)`, complex64.
    """

    def __init__(self, network: TdfUNet, dtype: torch.dtype) -> None:
        super().__init__()
        self.views = _Views(network, dtype)
        self.enter = _Enter(network.enter, dtype)
        self.encode = nn.ModuleList(_FastBlock(block, dtype) for block in _each(Block, network.encode))
        self.down = nn.ModuleList(_Convolution(down, dtype) for down in _each(nn.Conv2d, network.down))
        self.up = nn.ModuleList(_Up(up, dtype) for up in _each(nn.ConvTranspose2d, network.up))
        self.decode = nn.ModuleList(_FastBlock(block, dtype) for block in _each(Block, network.decode))
        self.head = _Head(network, dtype)

    def forward(self, spectrum: Tensor) -> Tensor:
        """Run the U on frames filled up to what the strides divide, and cut off what was filled up."""
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
    """What the network sees of a spectrum, as real planes: `(batch, views * bands, frames, bins / bands)`.

    There are as many frames as the strides divide, the last of them zeros.
    """

    def __init__(self, network: TdfUNet, dtype: torch.dtype) -> None:
        super().__init__()
        self.bands, self.multiple, self.dtype = network.bands, network.multiple, dtype
        self.scale, self.shift = network.scale, network.shift

    def forward(self, spectrum: Tensor) -> Tensor:
        """Levels of left, right, mid and side, and the compressed spectrum; all relative to the loudness."""
        parts = torch.view_as_real(spectrum).movedim(-1, 1).contiguous()  # (batch, 2, channels, frames, bins)
        loudness = _power(parts).mean(dim=(1, 2, 3)).add_(SILENCE).sqrt_()
        parts /= loudness.reshape(-1, 1, 1, 1, 1)
        magnitude = _power(parts).sqrt_()
        views = [self._level(magnitude * CURVE)]
        if parts.shape[2] == 2:
            # mid and side are half of these
            views.append(self._level(_power(_sum_and_difference(parts)).sqrt_().mul_(CURVE / 2)))
        views.append((parts * magnitude.add_(FLOOR).rsqrt_().unsqueeze(1)).flatten(1, 2))
        return self._planes(views)

    def _level(self, bent: Tensor) -> Tensor:
        return torch.addcmul(self.shift, bent.log1p_(), self.scale)

    def _planes(self, views: list[Tensor]) -> Tensor:
        """Fold `(batch, any, frames, bins)` each into bands, one view after the other."""
        batch, _, frames, bins = views[0].shape
        filled = -(-frames // self.multiple) * self.multiple
        count = sum(view.shape[1] for view in views)
        planes = views[0].new_zeros((batch, count, self.bands, filled, bins // self.bands), dtype=self.dtype)
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
    """The first layer, a pointwise one: planes `(batch, planes, frames, bins)` to an image."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: nn.Sequential, dtype: torch.dtype) -> None:
        super().__init__()
        convolution = _folded(layer)
        _hold(self, dtype, weight=convolution.weight.flatten(1).T, bias=_bias(convolution))

    def forward(self, planes: Tensor) -> Tensor:
        batch, _, frames, bins = planes.shape
        rows = torch.baddbmm(self.bias, planes.flatten(2).transpose(1, 2), self.weight.expand(batch, -1, -1))
        return rows.relu_().reshape(batch, frames, bins, -1)


class _Convolution(nn.Module):
    """A convolution of images, its kernel transposed as they are."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: nn.Conv2d, dtype: torch.dtype) -> None:
        super().__init__()
        self.stride, self.padding = layer.stride[0], int(layer.padding[0])
        _hold(self, dtype, weight=layer.weight.transpose(2, 3), bias=_bias(layer))

    def forward(self, image: Tensor) -> Tensor:
        result = conv2d(image.permute(0, 3, 1, 2), self.weight, self.bias, self.stride, self.padding)
        return result.permute(0, 2, 3, 1)


class _FastBlock(nn.Module):
    """Convolution, frequencies with one another, convolution; around all of it a shortcut."""

    def __init__(self, block: Block, dtype: torch.dtype) -> None:
        super().__init__()
        self.first = _Convolution(_folded(block.first), dtype)
        self.across = _Across(block.across, dtype)
        self.second = _Convolution(_folded(block.second), dtype)

    def forward(self, image: Tensor) -> Tensor:
        inner: Tensor = self.first(image).relu_()
        inner = self.across(inner).add_(inner)
        result: Tensor = self.second(inner).relu_()
        return result.add_(image)


class _Across(nn.Module):
    """Two fully connected layers over frequency, one to fewer bins and one back, each with batch norm and ReLU.

    Both batch norms multiply the few bins in between: one factor per channel may as well come before the second layer.
    """

    narrow: Tensor
    narrow_scale: Tensor
    narrow_shift: Tensor
    widen: Tensor
    widen_scale: Tensor
    widen_shift: Tensor

    def __init__(self, layers: nn.Sequential, dtype: torch.dtype) -> None:
        super().__init__()
        for name, layer in zip(("narrow", "widen"), _each(AcrossBins, layers), strict=True):
            scale, shift = _affine(layer.norm)
            _hold(self, dtype, **{name: layer.linear.weight, f"{name}_scale": scale, f"{name}_shift": shift})

    def forward(self, image: Tensor) -> Tensor:
        rows = image.flatten(0, 1)  # (batch * frames, bins, channels)
        few = torch.addcmul(self.narrow_shift, torch.matmul(self.narrow, rows), self.narrow_scale)
        few = few.relu_().mul_(self.widen_scale)
        many = torch.baddbmm(self.widen_shift, self.widen.expand(rows.shape[0], -1, -1), few)
        return many.relu_().reshape(image.shape)


class _Up(nn.Module):
    """A transposed convolution to twice the size, added to what skipped the levels below; changes `skip`."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: nn.ConvTranspose2d, dtype: torch.dtype) -> None:
        super().__init__()
        # inputs, outputs, bins, frames: each input bin and frame makes two by two, and none overlap
        weight = layer.weight.permute(3, 2, 1, 0).flatten(0, 2)
        _hold(self, dtype, weight=weight, bias=_bias(layer).repeat(4))

    def forward(self, image: Tensor, skip: Tensor) -> Tensor:
        batch, frames, bins, _ = image.shape
        made = linear(image, self.weight, self.bias).reshape(batch, frames, bins, 2, 2, -1).transpose(2, 3)
        return skip.reshape(made.shape).add_(made).reshape(skip.shape)


class _Head(nn.Module):
    """Images to complex masks that sum to one with the last stem's.

    Each mask gets an equal share of what all leave, (1 - Σ masks) / stems (mixture consistency: Wisdom et al., ICASSP
    2019, equation 4). That is linear, so the weights hold it.
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
        _hold(self, dtype, weight=(weight - weight.mean(dim=0))[:-1].flatten(0, 3))
        _hold(self, torch.float32, bias=bias[:-1].movedim(2, 0)[..., None, :, None])

    def forward(self, image: Tensor) -> Tensor:
        batch, frames, bins, _ = image.shape
        planes = torch.bmm(self.weight.expand(batch, -1, -1), image.flatten(1, 2).transpose(1, 2))
        parts = planes.reshape(batch, *self.shape, frames, bins).permute(0, 3, 1, 2, 5, 4, 6)
        parts = parts.to(torch.float32, memory_format=torch.contiguous_format).add_(self.bias)
        real, imaginary = parts.flatten(-2).unbind(1)
        return torch.complex(real, imaginary)


def _each(kind: type[Layer], layers: nn.ModuleList | nn.Sequential) -> Iterator[Layer]:
    for layer in layers:
        assert isinstance(layer, kind)
        yield layer


def _folded(layer: nn.Sequential) -> nn.Conv2d:
    """Return the convolution of convolution, batch norm and ReLU, with the batch norm in its weights."""
    convolution, norm, _ = layer
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(convolution, norm)


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return what a trained batch norm multiplies each channel by, and what it then adds."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return scale, norm.bias - norm.running_mean * scale


def _bias(layer: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


def _hold(module: nn.Module, dtype: torch.dtype, **tensors: Tensor) -> None:
    """Register buffers in `dtype`, kernels in the order of memory that convolutions of images want."""
    for name, tensor in tensors.items():
        layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
        module.register_buffer(name, tensor.detach().to(dtype, memory_format=layout, copy=True))
