"""Wave-U-Net (Stoller, Ewert and Dixon, ISMIR 2018): a U-Net on the samples.

Down: a convolution, then every second sample. Up: linear interpolation, the skip beside it, a convolution. The last
stem is what the others leave of the mixture ("difference output"). The defaults are the paper's M4: stereo, 12 layers
of 24 more filters each, filters of 15 and 5 samples. What differs from it: convolutions are padded, so that a segment
gives as many samples as it takes (the authors cut the edges off and give the network more context).
"""

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from components.core.networks.architecture import Architecture
from components.core.networks.separator import Separator
from components.core.networks.waveform import WaveformSeparator
from components.core.params import Section


class WaveUNetConfig(Section):
    """`layers` levels, each with `filters` more channels; `down`, `up`: samples of a filter (odd)."""

    name: Literal["wave_unet"] = "wave_unet"
    layers: int = Field(12, gt=0)
    filters: int = Field(24, gt=0)
    down: int = Field(15, gt=0)
    up: int = Field(5, gt=0)
    segment: int = Field(147456, gt=0)


class WaveUNet(nn.Module):
    """`(batch, channels, samples)` to `(batch, stems, channels, samples)`; samples in whole steps of 2 ** layers."""

    def __init__(self, config: WaveUNetConfig, stems: int, channels: int) -> None:
        super().__init__()
        self.stems, self.channels = stems, channels
        widths = [channels, *(config.filters * level for level in range(1, config.layers + 1))]
        self.down = nn.ModuleList(_layer(above, below, config.down) for above, below in pairwise(widths))
        deepest = widths[-1] + config.filters
        self.bottom = _layer(widths[-1], deepest, config.down)
        inputs = [deepest, *reversed(widths[2:])]
        skips = list(reversed(widths[1:]))
        self.up = nn.ModuleList(
            _layer(below + skip, skip, config.up) for below, skip in zip(inputs, skips, strict=True)
        )
        # of one stem alone nothing is the difference
        self.head = nn.Conv1d(widths[1] + channels, max(stems - 1, 1) * channels, 1)

    def forward(self, mixture: Tensor) -> Tensor:
        """Run the U; all stems but the last have an output of their own."""
        features, skips = mixture, []
        for down in self.down:
            whole = down(features)
            skips.append(whole)
            features = whole[..., ::2]
        features = self.bottom(features)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            features = nn.functional.interpolate(features, skip.shape[-1], mode="linear", align_corners=True)
            features = up(torch.cat([features, skip], dim=1))
        own = torch.tanh(self.head(torch.cat([features, mixture], dim=1)))
        stems: Tensor = own.reshape(len(own), -1, self.channels, own.shape[-1])
        if self.stems == 1:
            return stems
        return torch.cat([stems, (mixture - stems.sum(dim=1)).unsqueeze(1)], dim=1)


def _layer(inputs: int, outputs: int, size: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(inputs, outputs, size, padding=size // 2), nn.LeakyReLU(0.2))


class WaveUNetSeparator(WaveformSeparator):
    """The network around whole steps of the deepest level, at full scale: its outputs lie between −1 and 1."""

    def __init__(self, network: WaveUNet, segment: int, layers: int) -> None:
        super().__init__(network, segment)
        self.step: int = 2**layers

    def length(self, samples: int) -> int:
        """Return the next whole number of steps."""
        return -(-samples // self.step) * self.step

    def estimates(self, mixture: Tensor) -> Tensor:
        """Separate at a loudness at which nothing is near the bounds of tanh, and go back to the mixture's own."""
        peak = mixture.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-8)
        return super().estimates(mixture / peak) * peak.unsqueeze(1)


def build_wave_unet(config: WaveUNetConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    return WaveUNetSeparator(WaveUNet(config, stems, channels), config.segment, config.layers)


ARCHITECTURE = Architecture(
    title="Wave-U-Net",
    family="waveform",
    source="Stoller, Ewert and Dixon, ISMIR 2018",
    config=WaveUNetConfig,
    build=build_wave_unet,
    small={"layers": 8, "filters": 8, "segment": 65536},
)
