"""D3Net (Takahashi and Mitsufuji, CVPR 2021): densely connected blocks in which every connection has its own dilation.

Each layer of a D2 block sees all layers before it, each through its own dilation, so no receptive field has holes (the
paper's multidilated convolution). A D3 block consists of D2 blocks. The low band, the high band and the whole spectrum
each have a U-Net of D3 blocks; a last D2 block with a gated convolution joins the three.

Sources. The layers are those of the authors' code (sony/ai-research-code, d3net/music-source-separation). The sizes are
the authors' sizes for vocals and other, taken from tky823/DNN-based_source_separation, which lists the paper's table
and the code's configurations. These two differ in the high band: the table has seven blocks, the default here; the code
has five, 146 weights fewer. For bass and drums the authors have other sizes and splits; here all stems have the same.
We know of no number of weights that the authors published.

Differences. The output is a mask without upper bound, as in Open-Unmix, and not the magnitude. The input is the
logarithm relative to the loudness of the whole, and not the magnitude scaled by the mean and deviation of the training
data. So the network holds no statistics of the data, and the authors' weights do not fit.
"""

import torch
from torch import Tensor, nn

from components.core.networks.architectures.d3net import D3BandConfig, D3NetConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectrogram import SILENCE, MaskSeparator


class StemNetworks(nn.Module):
    """One network for each stem: magnitudes `(batch, channels, bins, frames)` to masks `(batch, stems, …)`."""

    def __init__(self, config: D3NetConfig, stems: int, channels: int) -> None:
        super().__init__()
        self.stems = nn.ModuleList(D3Net(config, channels) for _ in range(stems))

    def forward(self, magnitude: Tensor) -> Tensor:
        """Run every stem's network."""
        return torch.stack([stem(magnitude) for stem in self.stems], dim=1)


class D3Net(nn.Module):
    """Magnitudes `(batch, channels, bins, frames)` to masks of the same shape, zero or more."""

    def __init__(self, config: D3NetConfig, channels: int) -> None:
        super().__init__()
        self.split = config.split
        self.scale = nn.Parameter(torch.ones(config.bins))
        self.shift = nn.Parameter(torch.zeros(config.bins))
        self.low, self.high, self.full = (_Band(band, channels) for band in (config.low, config.high, config.full))
        width = max(config.low.growth[-1], config.high.growth[-1])
        self.match_low, self.match_high = (_match_width(band.growth[-1], width) for band in (config.low, config.high))
        self.last = D2Block(width + config.full.growth[-1], config.last_growth, config.last_layers)
        self.norm = nn.BatchNorm2d(config.last_growth)
        self.gate = nn.Conv2d(config.last_growth, channels, 1)
        self.filter = nn.Conv2d(config.last_growth, channels, 1)
        self.mask_scale = nn.Parameter(torch.ones(config.bins))
        self.mask_shift = nn.Parameter(torch.full((config.bins,), 0.5))

    def forward(self, magnitude: Tensor) -> Tensor:
        """Process each band and the whole spectrum, and join the results."""
        loudness = magnitude.square().mean(dim=(1, 2, 3), keepdim=True).add(SILENCE).sqrt()
        seen = torch.log1p(magnitude / loudness) * self.scale[:, None] + self.shift[:, None]
        bands = [
            self.match_low(self.low(seen[..., : self.split, :])),
            self.match_high(self.high(seen[..., self.split :, :])),
        ]
        joined = self.norm(self.last(torch.cat([torch.cat(bands, dim=2), self.full(seen)], dim=1)))
        masks = torch.sigmoid(self.gate(joined)) * self.filter(joined)
        return torch.relu(masks * self.mask_scale[:, None] + self.mask_shift[:, None])


class _Band(nn.Module):
    """A U-Net of D3 blocks: `(batch, channels, bins, frames)` to `(batch, growth[-1], bins, frames)`."""

    def __init__(self, config: D3BandConfig, channels: int) -> None:
        super().__init__()
        depth = len(config.growth) // 2
        self.multiple = 2**depth
        self.enter = nn.Conv2d(channels, config.enter, 3, padding=1)
        sizes = list(zip(config.growth, config.layers, strict=True))
        inputs = [config.enter, *config.growth[: depth + 1]]
        self.down = nn.ModuleList(
            D3Block(before, growth, layers, config.blocks)
            for before, (growth, layers) in zip(inputs, sizes[: depth + 1], strict=False)
        )
        skips = list(reversed(config.growth[:depth]))
        below = config.growth[depth:-1]
        self.rise = nn.ModuleList(_upsample(width) for width in below)
        self.up = nn.ModuleList(
            D3Block(width + skip, growth, layers, config.blocks)
            for width, skip, (growth, layers) in zip(below, skips, sizes[depth + 1 :], strict=True)
        )

    def forward(self, image: Tensor) -> Tensor:
        bins, frames = image.shape[-2:]
        features = self.enter(nn.functional.pad(image, (0, -frames % self.multiple, 0, -bins % self.multiple)))
        skips = []
        for block in list(self.down)[:-1]:
            features = block(features)
            skips.append(features)
            features = nn.functional.avg_pool2d(features, 2)
        features = self.down[-1](features)
        for rise, block, skip in zip(self.rise, self.up, reversed(skips), strict=True):
            features = block(torch.cat([rise(features), skip], dim=1))
        result: Tensor = features[..., :bins, :frames]
        return result


class D2Block(nn.Module):
    """Densely connected layers, a dilation for each connection; returns the `growth` channels of the last layer."""

    def __init__(self, inputs: int, growth: int, layers: int) -> None:
        super().__init__()
        self.growth = growth
        self.first = _convolution(inputs, growth * layers, 1)
        self.layers = nn.ModuleList(
            _convolution(growth, growth * (layers - after), 2**after) for after in range(1, layers)
        )

    def forward(self, image: Tensor) -> Tensor:
        return _connect_densely(self.first(image), self.layers, self.growth)


class D3Block(nn.Module):
    """D2 blocks that are densely connected, as the layers in a D2 block are."""

    def __init__(self, inputs: int, growth: int, layers: int, blocks: int) -> None:
        super().__init__()
        self.growth = growth
        self.first = D2Block(inputs, growth * blocks, layers)
        self.blocks = nn.ModuleList(D2Block(growth, growth * (blocks - after), layers) for after in range(1, blocks))

    def forward(self, image: Tensor) -> Tensor:
        return _connect_densely(self.first(image), self.blocks, self.growth)


def _connect_densely(first: Tensor, layers: nn.ModuleList, growth: int) -> Tensor:
    """Return the last part; each part is the sum of the contributions of all parts before it."""
    parts: list[Tensor] = list(torch.split(first, growth, dim=1))
    for number, layer in enumerate(layers):
        for later, addition in enumerate(torch.split(layer(parts[number]), growth, dim=1), number + 1):
            parts[later] = parts[later] + addition
    return parts[-1]


def _convolution(inputs: int, outputs: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
    )


def _upsample(width: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(width), nn.ConvTranspose2d(width, width, 2, stride=2))


def _match_width(inputs: int, outputs: int) -> nn.Module:
    if inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 1))


def build_d3net(config: D3NetConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    return MaskSeparator(StemNetworks(config, stems, channels), config.stft, config.bins, config.frames)
