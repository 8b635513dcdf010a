"""Demucs, the second version (Défossez, Usunier, Bottou and Bach, 2019): a U-Net on the samples with a BLSTM inside.

Strided convolutions with gated 1×1 convolutions lead down, then come two bidirectional LSTM layers, and transposed
convolutions lead up. Skips are added. All of it runs at twice the sampling rate. The network computes the same as
`Demucs` of the `demucs` package without norms and residual branches, and its weights have the same names. (The decoder
pads its convolutions, as the package does. The second version's own release cuts off a step at either end instead, and
its files number the layers without gaps.)
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from components.core.networks.architectures.demucs import DemucsConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.waveform import WaveformSeparator
from components.core.sound.torchaudio_compat import torchaudio

_KERNEL, _STRIDE = 8, 4


class Demucs(nn.Module):
    """`(batch, channels, samples)` to `(batch, stems, channels, samples)`, for lengths that `valid_length` returns."""

    def __init__(self, config: DemucsConfig, stems: int, channels: int) -> None:
        super().__init__()
        self.stems, self.channels, self.resample = stems, channels, config.resample
        widths = [channels, *(config.channels * 2**level for level in range(config.depth))]
        levels = list(pairwise(widths))
        self.encoder = nn.ModuleList(_encoder_layer(above, below) for above, below in levels)
        self.lstm = _Blstm(widths[-1], config.lstm_layers)
        self.decoder = nn.ModuleList(
            [_decoder_layer(below, above) for above, below in reversed(levels[1:])]
            + [_decoder_layer(widths[1], stems * channels, last=True)]
        )
        rescale_weights(self)

    def forward(self, mixture: Tensor) -> Tensor:
        """Run the U-Net at twice the rate."""
        samples = mixture.shape[-1]
        features = resample_audio(mixture, 1, 2) if self.resample else mixture
        skips = []
        for encode in self.encoder:
            features = encode(features)
            skips.append(features)
        features = self.lstm(features)
        for decode, skip in zip(self.decoder, reversed(skips), strict=True):
            features = decode(_trim(skip, features.shape[-1]) + features)
        stems = resample_audio(features.float(), 2, 1) if self.resample else features
        return _trim(stems, samples).reshape(-1, self.stems, self.channels, samples)


class DemucsSeparator(WaveformSeparator):
    """The network on lengths that it accepts."""

    def __init__(self, network: nn.Module, config: DemucsConfig) -> None:
        super().__init__(network, config.segment, "standardised")
        self.depth, self.resample = config.depth, config.resample

    def padded_length(self, samples: int) -> int:
        """Return the next length that the network accepts."""
        return valid_length(samples, self.depth, self.resample)


def valid_length(samples: int, depth: int, resample: bool) -> int:
    """Return the smallest length, at least `samples`, that every convolution uses up without a remainder."""
    length = 2 * samples if resample else samples
    for _ in range(depth):
        length = max(1, math.ceil((length - _KERNEL) / _STRIDE) + 1)
    for _ in range(depth):
        length = (length - 1) * _STRIDE + _KERNEL
    return math.ceil(length / 2) if resample else length


class _Blstm(nn.Module):
    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, width, layers, bidirectional=True)
        self.linear = nn.Linear(2 * width, width)

    def forward(self, features: Tensor) -> Tensor:
        """`(batch, width, steps)` to the same shape."""
        steps: Tensor = self.linear(self.lstm(features.permute(2, 0, 1))[0])
        return steps.permute(1, 2, 0)


# `Identity` takes the place of a norm of later versions, so that the layers keep their numbers.


def _encoder_layer(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, _KERNEL, _STRIDE), nn.Identity(), nn.ReLU(),
        nn.Conv1d(outputs, 2 * outputs, 1), nn.Identity(), nn.GLU(dim=1),
    )  # fmt: skip


def _decoder_layer(inputs: int, outputs: int, last: bool = False) -> nn.Sequential:
    layers = [nn.Conv1d(inputs, 2 * inputs, 3, padding=1), nn.Identity(), nn.GLU(dim=1)]
    layers += [nn.ConvTranspose1d(inputs, outputs, _KERNEL, _STRIDE)]
    return nn.Sequential(*layers, *([] if last else [nn.Identity(), nn.ReLU()]))


def rescale_weights(module: nn.Module, reference: float = 0.1) -> None:
    """Scale the initial weights of every convolution towards the deviation `reference` (section 4.2 of the paper)."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            scale = (layer.weight.detach().std() / reference).sqrt()
            with torch.no_grad():
                layer.weight /= scale
                if layer.bias is not None:
                    layer.bias /= scale


def resample_audio(audio: Tensor, old: int, new: int) -> Tensor:
    """Resample as `julius` does, the authors' package: 24 zeros of the sinc, roll-off 0.945, edges repeated."""
    longer = nn.functional.pad(audio, (_EDGE * old, _EDGE * old), mode="replicate")
    resampled: Tensor = torchaudio.functional.resample(longer, old, new, lowpass_filter_width=24, rolloff=0.945)
    return resampled[..., _EDGE * new : -_EDGE * new]


_EDGE = 32  # longer than half the filter


def _trim(audio: Tensor, samples: int) -> Tensor:
    """Return the middle `samples` of `audio`."""
    start = (audio.shape[-1] - samples) // 2
    return audio[..., start : start + samples]


def build_demucs(config: DemucsConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    return DemucsSeparator(Demucs(config, stems, channels), config)
