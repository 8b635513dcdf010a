"""MDX23C: TFC-TDF v3 (Kim, Lee and Jung, arXiv 2306.09382) on sub-bands of a complex spectrum.

The network is a U-Net. Its blocks combine convolutions over time and frequency (TFC) with two fully connected layers
across frequency (TDF). Real and imaginary parts are channels, and the output is the spectra of the stems themselves.
The weights have the names of the code that trained the published ones (Music-Source-Separation-Training). Inside the
U-Net time comes before frequency.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from components.core.networks.architectures.mdx23c import Mdx23cConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectral_network import SpectralNetwork, SpectralSeparator


def _instance_norm(width: int) -> nn.Module:
    return nn.InstanceNorm2d(width, affine=True)


_NORMS: Mapping[str, Callable[[int], nn.Module]] = {"instance": _instance_norm, "batch": nn.BatchNorm2d}
_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


def _layer(config: Mdx23cConfig, width: int, weights: nn.Module) -> list[nn.Module]:
    """Return a norm of `width` channels, an activation, and the layer `weights`."""
    return [_NORMS[config.norm](width), _ACTIVATIONS[config.activation](), weights]


class TfcTdf(nn.Module):
    """Two convolutions with layers across frequency between them; with a shortcut around all of it."""

    def __init__(self, config: Mdx23cConfig, inputs: int, width: int, height: int) -> None:
        super().__init__()
        narrow = height // config.bottleneck
        self.tfc1 = nn.Sequential(*_layer(config, inputs, nn.Conv2d(inputs, width, 3, padding=1, bias=False)))
        self.tdf = nn.Sequential(
            *_layer(config, width, nn.Linear(height, narrow, bias=False)),
            *_layer(config, width, nn.Linear(narrow, height, bias=False)),
        )
        self.tfc2 = nn.Sequential(*_layer(config, width, nn.Conv2d(width, width, 3, padding=1, bias=False)))
        self.shortcut = nn.Conv2d(inputs, width, 1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """`(batch, inputs, frames, height)` to `(batch, width, frames, height)`."""
        inner = self.tfc1(image)
        result: Tensor = self.tfc2(inner + self.tdf(inner)) + self.shortcut(image)
        return result


class Level(nn.Module):
    """The blocks of a level."""

    def __init__(self, config: Mdx23cConfig, inputs: int, width: int, height: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            TfcTdf(config, before, width, height) for before in (inputs, *(width,) * (config.blocks - 1))
        )

    def forward(self, image: Tensor) -> Tensor:
        """`(batch, inputs, frames, height)` to `(batch, width, frames, height)`."""
        for block in self.blocks:
            image = block(image)
        return image


class Resize(nn.Module):
    """A convolution with a stride, or a transposed one, behind a norm."""

    def __init__(self, config: Mdx23cConfig, width: int, weights: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Sequential(*_layer(config, width, weights))

    def forward(self, image: Tensor) -> Tensor:
        """`(batch, width, frames, height)` to another level."""
        result: Tensor = self.conv(image)
        return result


class Encoder(nn.Module):
    """A level and the way down."""

    def __init__(self, config: Mdx23cConfig, width: int, below: int, height: int) -> None:
        super().__init__()
        self.tfc_tdf = Level(config, width, width, height)
        down = nn.Conv2d(width, below, config.scale, stride=config.scale, bias=False)
        self.downscale = Resize(config, width, down)


class Decoder(nn.Module):
    """The way up, and a level that also sees the output of the encoder."""

    def __init__(self, config: Mdx23cConfig, below: int, width: int, height: int) -> None:
        super().__init__()
        up = nn.ConvTranspose2d(below, width, config.scale, stride=config.scale, bias=False)
        self.upscale = Resize(config, below, up)
        self.tfc_tdf = Level(config, 2 * width, width, height)


class Mdx23c(SpectralNetwork):
    """The U-Net between an STFT and its inverse, for a number of frames that the scales divide."""

    def __init__(self, config: Mdx23cConfig, stems: int, channels: int) -> None:
        super().__init__(config.stft)
        self.stems, self.bins, self.sub_bands = stems, config.bins, config.sub_bands
        widths = [config.width + level * config.growth for level in range(config.levels + 1)]
        numbers, heights = 2 * channels * config.sub_bands, config.heights
        levels = list(zip(pairwise(widths), heights[:-1], strict=True))
        self.first_conv = nn.Conv2d(numbers, config.width, 1, bias=False)
        self.encoder_blocks = nn.ModuleList(Encoder(config, *around, height) for around, height in levels)
        self.bottleneck_block = Level(config, widths[-1], widths[-1], heights[-1])
        self.decoder_blocks = nn.ModuleList(
            Decoder(config, below, width, height) for (width, below), height in reversed(levels)
        )
        self.final_conv = nn.Sequential(
            nn.Conv2d(config.width + numbers, config.width, 1, bias=False),
            _ACTIVATIONS[config.activation](),
            nn.Conv2d(config.width, stems * numbers, 1, bias=False),
        )

    def estimate_spectra(self, spectrum: Tensor) -> Tensor:
        """Return the spectra of the stems; the bins above those of the network are zero."""
        batch, channels, bins, frames, _ = spectrum.shape
        mixture = spectrum[:, :, : self.bins].permute(0, 1, 4, 2, 3)  # (batch, channels, 2, bins, frames)
        folded = mixture.reshape(batch, -1, self.bins // self.sub_bands, frames)
        first = self.first_conv(folded)
        features = self._unet(first.transpose(-1, -2)).transpose(-1, -2)
        numbers = self.final_conv(torch.cat([folded, features * first], dim=1)).float()
        stems = numbers.reshape(batch, self.stems, channels, 2, self.bins, frames).permute(0, 1, 2, 4, 5, 3)
        return nn.functional.pad(stems, (0, 0, 0, 0, 0, bins - self.bins))

    def _unet(self, image: Tensor) -> Tensor:
        """`(batch, width, frames, height)` to the same shape."""
        skips = []
        for encoder in self.encoder_blocks:
            assert isinstance(encoder, Encoder)
            image = encoder.tfc_tdf(image)
            skips.append(image)
            image = encoder.downscale(image)
        image = self.bottleneck_block(image)
        for decoder in self.decoder_blocks:
            assert isinstance(decoder, Decoder)
            image = decoder.tfc_tdf(torch.cat([decoder.upscale(image), skips.pop()], dim=1))
        return image


def build_mdx23c(config: Mdx23cConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    multiple = config.scale[0] ** config.levels
    separator = SpectralSeparator(Mdx23c(config, stems, channels), config.segment, multiple, config.level)
    separator.band = config.bins / (config.stft.window // 2 + 1)
    return separator
