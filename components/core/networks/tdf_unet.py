"""Stemline's own network: a U-Net of TFC-TDF blocks on folded sub-bands, with complex masks.

Its published parts: convolutions over time and frequency with a fully connected layer over frequency between them
(TFC-TDF: Choi et al., ISMIR 2020; Kim et al., KUIELab-MDX-Net, 2021), sub-bands folded into channels (Liu et al.,
Interspeech 2020), unbounded complex masks (Kong et al., ISMIR 2021), and the remainder of the masks shared equally by
the stems (Wisdom et al., ICASSP 2019). Ours are two: magnitudes of mid and side beside left and right, since a voice is
mostly in the middle, and skips by addition, which cost almost no time.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from components.core.networks.architectures.tdf_unet import TdfUNetConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectrogram import SILENCE, ComplexMaskSeparator


class TdfUNet(nn.Module):
    """Spectra to complex masks: `(batch, channels, bins, frames)` to `(batch, stems, channels, bins, frames)`."""

    def __init__(self, config: TdfUNetConfig, stems: int, channels: int) -> None:
        super().__init__()
        widths, bands = config.widths, config.bands
        self.stems, self.channels, self.bands = stems, channels, bands
        self.multiple = 2 ** (len(widths) - 1)
        self.scale = nn.Parameter(torch.ones(config.bins))
        self.shift = nn.Parameter(torch.zeros(config.bins))
        heights = [config.bins // bands // 2**level for level in range(len(widths))]
        views = 4 * channels if channels == 2 else 3 * channels
        self.enter = _layer(views * bands, widths[0], 1)
        self.encode = nn.ModuleList(Block(w, h, config.bottleneck) for w, h in zip(widths, heights, strict=True))
        self.down = nn.ModuleList(_down(above, below) for above, below in pairwise(widths))
        self.up = nn.ModuleList(_up(below, above) for above, below in pairwise(widths))
        self.decode = nn.ModuleList(
            Block(w, h, config.bottleneck) for w, h in zip(widths[:-1], heights[:-1], strict=True)
        )
        self.as_mask = _MASKS[config.mask]
        self.head = nn.Conv2d(widths[0], 2 * stems * channels * bands, 1)

    def forward(self, spectrum: Tensor) -> Tensor:
        """Pad the frames to a multiple of the strides, run the U-Net, and cut the padding off again."""
        frames = spectrum.shape[-1]
        image = nn.functional.pad(self._views(spectrum), (0, -frames % self.multiple))
        batch, views, bins = image.shape[:3]
        folded = image.reshape(batch, views * self.bands, bins // self.bands, -1)
        parts = self.head(self._features(folded)).float()[..., :frames]
        real, imaginary = parts.reshape(batch, self.stems, self.channels, 2, bins, frames).unbind(3)
        return self.as_mask(real, imaginary)

    def _views(self, spectrum: Tensor) -> Tensor:
        """Return the input of the U-Net: levels of left, right, mid and side, and the compressed spectrum."""
        loudness = spectrum.abs().square().mean(dim=(1, 2, 3), keepdim=True).add(SILENCE).sqrt()
        relative = spectrum / loudness
        seen = torch.cat([relative, _mid_and_side(relative)], dim=1) if self.channels == 2 else relative
        magnitude = seen.abs()
        level = torch.log1p(CURVE * magnitude) * self.scale[:, None] + self.shift[:, None]
        compressed = relative * (magnitude[:, : self.channels] + FLOOR).rsqrt()
        return torch.cat([level, compressed.real, compressed.imag], dim=1)

    def _features(self, image: Tensor) -> Tensor:
        features: Tensor = self.enter(image)
        skips = []
        for down, encode in zip(self.down, self.encode, strict=False):
            features = encode(features)
            skips.append(features)
            features = down(features)
        features = self.encode[-1](features)
        for up, decode, skip in zip(reversed(self.up), reversed(self.decode), reversed(skips), strict=True):
            features = decode(up(features) + skip)
        return features


CURVE = 10.0  # the logarithm bends at 1 / CURVE, 20 dB below the loudness, where partials of the voice lie
FLOOR = 1e-3  # below -60 dB the compression is linear


def _bounded_mask(real: Tensor, imaginary: Tensor) -> Tensor:
    return torch.complex(torch.sigmoid(real), torch.zeros_like(real))


_MASKS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"complex": torch.complex, "bounded": _bounded_mask}


class Block(nn.Module):
    """Convolution, fully connected layers over frequency, convolution; with a shortcut around all of it."""

    def __init__(self, width: int, height: int, bottleneck: int) -> None:
        super().__init__()
        narrow = max(height // bottleneck, 8)
        self.first = _layer(width, width, 3)
        self.across = nn.Sequential(AcrossBins(width, height, narrow), AcrossBins(width, narrow, height))
        self.second = _layer(width, width, 3)

    def forward(self, features: Tensor) -> Tensor:
        """`(batch, width, bins, frames)` to the same shape."""
        inner = self.first(features)
        result: Tensor = features + self.second(inner + self.across(inner))
        return result


class AcrossBins(nn.Module):
    """A fully connected layer over frequency, the same at every frame and channel; batch norm and ReLU."""

    def __init__(self, width: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, features: Tensor) -> Tensor:
        """`(batch, width, inputs, frames)` to `(batch, width, outputs, frames)`.

        Channels come last in memory, so this is one matrix product for each crop, without a copy.
        """
        rows = features.permute(0, 2, 3, 1)
        product = torch.matmul(self.linear.weight, rows.flatten(2))
        image = product.reshape(rows.shape[0], -1, *rows.shape[2:]).permute(0, 3, 1, 2)
        return nn.functional.relu(self.norm(image))


def _mid_and_side(spectrum: Tensor) -> Tensor:
    left, right = spectrum.unbind(1)
    return torch.stack([left + right, left - right], dim=1) * 0.5


def _layer(inputs: int, outputs: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _down(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 2, stride=2)


def _up(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 2, stride=2)


def build_tdf_unet(config: TdfUNetConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    return ComplexMaskSeparator(TdfUNet(config, stems, channels), config.stft, config.bins, config.frames)
