"""SCNet: the sparse compression network (Tong et al., ICASSP 2024), which compresses high bands more than low ones.

Each level of the encoder compresses three bands along the bins, each by its own stride. Between encoder and decoder two
LSTMs run along the bins and along time; every second pair sees the Fourier transform along time. The output is the
spectra of the stems. The weights have the names of the code that trained the published ones
(Music-Source-Separation-Training).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from components.core.networks.architectures.scnet import SCNetBandConfig, SCNetConfig, split_bins
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectral_network import SpectralNetwork, SpectralSeparator

_GLOBAL_KERNEL = 3  # bins and frames
_FRAME_MULTIPLE = 2  # the transform along time needs an even number


class ConvolutionModule(nn.Module):
    """Convolutions along time, each added to its input."""

    def __init__(self, config: SCNetConfig, width: int, depth: int) -> None:
        super().__init__()
        hidden, kernel, edge = width // config.compress, config.kernel, config.kernel // 2
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.GroupNorm(1, width),
                nn.Conv1d(width, 2 * hidden, kernel, padding=edge),
                nn.GLU(1),
                nn.Conv1d(hidden, hidden, kernel, padding=edge, groups=hidden),
                nn.GroupNorm(1, hidden),
                nn.SiLU(),
                nn.Conv1d(hidden, width, 1),
            )
            for _ in range(depth)
        )

    def forward(self, band: Tensor) -> Tensor:
        """`(batch, width, bins, frames)` to the same shape, bin by bin."""
        batch, width, bins, frames = band.shape
        rows = band.permute(0, 2, 1, 3).reshape(batch * bins, width, frames)
        for layer in self.layers:
            rows = rows + layer(rows)
        return rows.reshape(batch, bins, width, frames).permute(0, 2, 1, 3)


class BandCompression(nn.Module):
    """A convolution along the bins of each band, with the stride of the band."""

    def __init__(self, bands: Sequence[SCNetBandConfig], inputs: int, outputs: int) -> None:
        super().__init__()
        self.bands = tuple(bands)
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs, (band.kernel, 1), stride=(band.stride, 1)) for band in bands
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """`(batch, inputs, bins, frames)` to a tensor `(batch, outputs, fewer bins, frames)` for each band."""
        parts = torch.split(image, split_bins(self.bands, image.shape[2]), dim=2)
        return [conv(_pad(part, band)) for conv, band, part in zip(self.convs, self.bands, parts, strict=True)]


def _pad(part: Tensor, band: SCNetBandConfig) -> Tensor:
    """Pad the bins with zeros so that the convolution keeps them all."""
    missing = band.padded(part.shape[2]) - part.shape[2]
    return nn.functional.pad(part, (0, 0, missing // 2, missing - missing // 2))


class Encoder(nn.Module):
    """A level of the encoder."""

    def __init__(self, config: SCNetConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self.SDlayer = BandCompression(config.bands, inputs, outputs)
        self.conv_modules = nn.ModuleList(ConvolutionModule(config, outputs, band.depth) for band in config.bands)
        self.globalconv = nn.Conv2d(outputs, outputs, _GLOBAL_KERNEL, padding=_GLOBAL_KERNEL // 2)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, list[int]]:
        """Return the image of the next level, the image for the decoder, and the bins of each band in the latter."""
        parts = self.SDlayer(image)
        parts = [
            nn.functional.gelu(module(part).contiguous()) for module, part in zip(self.conv_modules, parts, strict=True)
        ]
        skip = torch.cat(parts, dim=2)
        return self.globalconv(skip), skip, [part.shape[2] for part in parts]


class Fusion(nn.Module):
    """Adds the image of the encoder, and applies a gated convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * width, 2 * width, _GLOBAL_KERNEL, padding=_GLOBAL_KERNEL // 2)

    def forward(self, image: Tensor, skip: Tensor) -> Tensor:
        """`(batch, width, bins, frames)`, both, to the same shape."""
        return nn.functional.glu(self.conv((image + skip).repeat(1, 2, 1, 1)), dim=1)


class BandExpansion(nn.Module):
    """A transposed convolution along the bins of each band."""

    def __init__(self, bands: Sequence[SCNetBandConfig], inputs: int, outputs: int) -> None:
        super().__init__()
        self.convtrs = nn.ModuleList(
            nn.ConvTranspose2d(inputs, outputs, (band.kernel, 1), stride=(band.stride, 1)) for band in bands
        )

    def forward(self, image: Tensor, lengths: list[int], wanted: list[int]) -> Tensor:
        """`(batch, inputs, bins, frames)` to `(batch, outputs, more bins, frames)`.

        `lengths` are the bins of each band in `image`, and `wanted` those in the output.
        """
        parts = torch.split(image, lengths, dim=2)
        expanded = [conv(part) for conv, part in zip(self.convtrs, parts, strict=True)]
        return torch.cat([_crop(part, bins) for part, bins in zip(expanded, wanted, strict=True)], dim=2)


def _crop(part: Tensor, bins: int) -> Tensor:
    return part.narrow(2, (part.shape[2] - bins) // 2, bins)


class DualPath(nn.Module):
    """An LSTM along the bins, then one along time, each added to its input."""

    def __init__(self, width: int, expand: int) -> None:
        super().__init__()
        hidden = expand * width
        self.lstm_layers = nn.ModuleList(nn.LSTM(width, hidden, batch_first=True, bidirectional=True) for _ in "ft")
        self.linear_layers = nn.ModuleList(nn.Linear(2 * hidden, width) for _ in "ft")
        self.norm_layers = nn.ModuleList(nn.GroupNorm(1, width) for _ in "ft")

    def forward(self, image: Tensor) -> Tensor:
        """`(batch, width, bins, frames)` to the same shape."""
        along_bins = image + self._run(0, image.transpose(2, 3)).transpose(2, 3)
        return along_bins + self._run(1, along_bins)

    def _run(self, path: int, image: Tensor) -> Tensor:
        """Run the layers of a path along the last axis of `image`, `(batch, width, sequences, positions)`."""
        rows = self.norm_layers[path](image).permute(0, 2, 3, 1)
        output, _ = self.lstm_layers[path](rows.flatten(0, 1))
        result: Tensor = self.linear_layers[path](output).reshape(rows.shape).permute(0, 3, 1, 2)
        return result


class SeparationNet(nn.Module):
    """Pairs of LSTMs; every second one sees the Fourier transform along time."""

    def __init__(self, width: int, config: SCNetConfig) -> None:
        super().__init__()
        widths = (width, 2 * width) * (config.layers // 2)
        self.dp_modules = nn.ModuleList(DualPath(each, config.expand) for each in widths)

    def forward(self, image: Tensor) -> Tensor:
        """`(batch, width, bins, frames)` to the same shape, for an even number of frames."""
        modules = list(self.dp_modules)
        for plain, transformed in zip(modules[::2], modules[1::2], strict=True):
            image = _from_frequencies(transformed(_to_frequencies(plain(image))))
        return image


def _to_frequencies(image: Tensor) -> Tensor:
    """Transform along time: the real parts of all channels, then the imaginary ones."""
    transformed = torch.fft.rfft(image.float(), dim=3, norm="ortho")
    return torch.cat([transformed.real, transformed.imag], dim=1)


def _from_frequencies(image: Tensor) -> Tensor:
    real, imaginary = image.float().chunk(2, dim=1)
    samples: Tensor = torch.fft.irfft(torch.complex(real.contiguous(), imaginary.contiguous()), dim=3, norm="ortho")
    return samples


class SCNet(SpectralNetwork):
    """Encoder, LSTMs and decoder between an STFT and its inverse.

    The STFT is the one of the training code: with a rectangular window, and scaled to keep the energy.
    """

    def __init__(self, config: SCNetConfig, stems: int, channels: int) -> None:
        super().__init__(config.stft, torch.ones)
        self.stems, self.bands = stems, config.bands
        levels = list(pairwise((2 * channels, *config.widths)))
        self.encoder = nn.ModuleList(Encoder(config, above, below) for above, below in levels)
        self.separation_net = SeparationNet(config.widths[-1], config)
        outputs = [stems * 2 * channels, *config.widths[:-1]]
        self.decoder = nn.ModuleList(
            nn.ModuleList([Fusion(width), BandExpansion(config.bands, width, above)])
            for width, above in reversed(list(zip(config.widths, outputs, strict=True)))
        )

    def estimate_spectra(self, spectrum: Tensor) -> Tensor:
        """Return the spectra of the stems."""
        batch, channels, bins, frames, _ = spectrum.shape
        scale = 1 / math.sqrt(self.window)
        image = (scale * spectrum).permute(0, 1, 4, 2, 3).flatten(1, 2)
        levels = []
        for encoder in self.encoder:
            wanted = split_bins(self.bands, image.shape[2])
            image, skip, lengths = encoder(image)
            levels.append((skip, lengths, wanted))
        image = self.separation_net(image)
        for decoder, (skip, lengths, wanted) in zip(self.decoder, reversed(levels), strict=True):
            fusion, expansion = decoder.children()
            image = expansion(fusion(image, skip), lengths, wanted)
        stems: Tensor = image.float().reshape(batch, self.stems, channels, 2, bins, frames) / scale
        return stems.permute(0, 1, 2, 4, 5, 3)


class SCNetSeparator(SpectralSeparator):
    """The network with silence behind the mixture, as in training: more than a frame, to an even number of frames."""

    network: SCNet

    def padded_length(self, samples: int) -> int:
        """Return an odd number of hops, more than `samples`, at least two windows."""
        hops = max(samples, 2 * self.window) // self.hop + 1
        return (hops + (hops + 1) % _FRAME_MULTIPLE) * self.hop

    def run_network(self, mixture: Tensor) -> Tensor:
        """Pad with silence at the end, separate, and cut the padding off."""
        samples = mixture.shape[-1]
        stems: Tensor = self.network(nn.functional.pad(mixture, (0, self.padded_length(samples) - samples)))
        return stems[..., :samples]


def build_scnet(config: SCNetConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    return SCNetSeparator(SCNet(config, stems, channels), config.segment, level=config.level)
