"""The paper's U-Net (Ronneberger et al., MICCAI 2015; for voices: Jansson et al., ISMIR 2017).

It has blocks of two 3×3 convolutions, each with batch norm and ReLU. Strided convolutions lead down, transposed
convolutions up, skips are concatenated, and every stem has a sigmoid mask.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from components.core.networks.architectures.unet import UNetConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectrogram import SILENCE, MaskSeparator


class UNet(nn.Module):
    """Magnitudes to masks: `(batch, channels, bins, frames)` to `(batch, stems, channels, bins, frames)`."""

    def __init__(self, config: UNetConfig, stems: int, channels: int) -> None:
        super().__init__()
        widths = config.widths
        self.stems, self.channels = stems, channels
        self.multiple = 2 ** (len(widths) - 1)
        self.scale = nn.Parameter(torch.ones(config.bins))
        self.shift = nn.Parameter(torch.zeros(config.bins))
        self.top = _block(channels, widths[0])
        self.down = nn.ModuleList(_down(above, below) for above, below in pairwise(widths))
        self.encode = nn.ModuleList(_block(width, width) for width in widths[1:])
        self.up = nn.ModuleList(_up(below, above) for above, below in pairwise(widths))
        self.decode = nn.ModuleList(_block(2 * width, width) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], stems * channels, 1)

    def forward(self, magnitude: Tensor) -> Tensor:
        """Pad bins and frames to a multiple of the strides, run the U-Net, and cut the padding off again."""
        bins, frames = magnitude.shape[-2:]
        # relative to the loudness of the whole: a mastered song and a quiet demo give the same input
        loudness = magnitude.square().mean(dim=(1, 2, 3), keepdim=True).add(SILENCE).sqrt()
        # compressed, with a learned gain and offset for each bin: levels span decades and fall with frequency
        level = torch.log1p(_CURVE * magnitude / loudness) * self.scale[:, None] + self.shift[:, None]
        padded = nn.functional.pad(level, (0, -frames % self.multiple, 0, -bins % self.multiple))
        masks = torch.sigmoid(self.head(self._features(padded)))[..., :bins, :frames]
        return masks.reshape(-1, self.stems, self.channels, bins, frames)

    def _features(self, image: Tensor) -> Tensor:
        features: Tensor = self.top(image)
        skips = []
        for down, encode in zip(self.down, self.encode, strict=True):
            skips.append(features)
            features = encode(down(features))
        for up, decode, skip in zip(reversed(self.up), reversed(self.decode), reversed(skips), strict=True):
            features = decode(torch.cat([up(features), skip], dim=1))
        return features


_CURVE = 10.0  # the logarithm bends at 1 / CURVE, 20 dB below the loudness, where partials of the voice lie


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
    )  # fmt: skip


def _down(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 2, stride=2)


def _up(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 2, stride=2)


def build_unet(config: UNetConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    return MaskSeparator(UNet(config, stems, channels), config.stft, config.bins, config.frames)
