"""Demucs, the second version (Défossez, Usunier, Bottou and Bach, 2019): a U-Net on the samples with a BLSTM within.

Strided convolutions with gated 1×1 convolutions down, two bidirectional LSTM layers, transposed convolutions up, skips
by addition, at twice the sampling rate. It computes what the `demucs` package's `Demucs` does with no norms and no
residual branches, and its weights have the same names. (The decoder's convolutions are padded, as they are there; those
of the second version's own release cut a step off at either end, and its files number layers without empty places.)
"""

import math
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.networks.base.separator import Separator
from components.core.networks.base.waveform import WaveformSeparator
from components.core.sound.torchaudio_compat import torchaudio

_KERNEL, _STRIDE = 8, 4


class DemucsConfig(Section):
    """The published values are the defaults: `channels` of the first of `depth` levels, each with twice as many."""

    name: Literal["demucs"] = "demucs"
    channels: int = Field(64, gt=0)
    depth: int = Field(6, gt=0)
    lstm_layers: int = Field(2, gt=0)
    resample: bool = True
    segment: int = Field(441000, gt=0)


class Demucs(nn.Module):
    """`(batch, channels, samples)` to `(batch, stems, channels, samples)`, of lengths that `valid_length` gives."""

    def __init__(self, config: DemucsConfig, stems: int, channels: int) -> None:
        super().__init__()
        self.stems, self.channels, self.resample = stems, channels, config.resample
        widths = [channels, *(config.channels * 2**level for level in range(config.depth))]
        levels = list(pairwise(widths))
        self.encoder = nn.ModuleList(_encoding(above, below) for above, below in levels)
        self.lstm = _Blstm(widths[-1], config.lstm_layers)
        self.decoder = nn.ModuleList(
            [_decoding(below, above) for above, below in reversed(levels[1:])]
            + [_decoding(widths[1], stems * channels, last=True)]
        )
        _rescale(self)

    def forward(self, mixture: Tensor) -> Tensor:
        """Run the U at twice the rate."""
        samples = mixture.shape[-1]
        features = _resampled(mixture, 1, 2) if self.resample else mixture
        skips = []
        for encode in self.encoder:
            features = encode(features)
            skips.append(features)
        features = self.lstm(features)
        for decode, skip in zip(self.decoder, reversed(skips), strict=True):
            features = decode(_trimmed(skip, features.shape[-1]) + features)
        stems = _resampled(features.float(), 2, 1) if self.resample else features
        return _trimmed(stems, samples).reshape(-1, self.stems, self.channels, samples)


class DemucsSeparator(WaveformSeparator):
    """The network around lengths that it takes."""

    def __init__(self, network: nn.Module, config: DemucsConfig) -> None:
        super().__init__(network, config.segment, "standardised")
        self.depth, self.resample = config.depth, config.resample

    def padded_length(self, samples: int) -> int:
        """Return a length that leaves nothing over."""
        return valid_length(samples, self.depth, self.resample)


def valid_length(samples: int, depth: int, resample: bool) -> int:
    """Return the smallest length, at least `samples`, of which no convolution leaves a sample over."""
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


# The places that are left empty hold a norm in later versions: so the layers keep their numbers.


def _encoding(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, _KERNEL, _STRIDE), nn.Identity(), nn.ReLU(),
        nn.Conv1d(outputs, 2 * outputs, 1), nn.Identity(), nn.GLU(dim=1),
    )  # fmt: skip


def _decoding(inputs: int, outputs: int, last: bool = False) -> nn.Sequential:
    layers = [nn.Conv1d(inputs, 2 * inputs, 3, padding=1), nn.Identity(), nn.GLU(dim=1)]
    layers += [nn.ConvTranspose1d(inputs, outputs, _KERNEL, _STRIDE)]
    return nn.Sequential(*layers, *([] if last else [nn.Identity(), nn.ReLU()]))


def _rescale(module: nn.Module, reference: float = 0.1) -> None:
    """Bring the first weights of every convolution halfway to a deviation of `reference` (section 4.2 of the paper)."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            scale = (layer.weight.detach().std() / reference).sqrt()
            with torch.no_grad():
                layer.weight /= scale
                if layer.bias is not None:
                    layer.bias /= scale


def _resampled(audio: Tensor, old: int, new: int) -> Tensor:
    """As `julius`, which its authors use: 24 zeros of the sinc, a roll-off at 0.945, edges that go on as they end."""
    longer = nn.functional.pad(audio, (_EDGE * old, _EDGE * old), mode="replicate")
    resampled: Tensor = torchaudio.functional.resample(longer, old, new, lowpass_filter_width=24, rolloff=0.945)
    return resampled[..., _EDGE * new : -_EDGE * new]


_EDGE = 32  # longer than half the filter


def _trimmed(audio: Tensor, samples: int) -> Tensor:
    """Return the middle."""
    start = (audio.shape[-1] - samples) // 2
    return audio[..., start : start + samples]


def build_demucs(config: DemucsConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    return DemucsSeparator(Demucs(config, stems, channels), config)


ARCHITECTURE = Architecture(
    title="Demucs (v2)",
    family="waveform",
    source="Défossez et al., 2019",
    config=DemucsConfig,
    build=build_demucs,
    small={"channels": 12, "depth": 5, "lstm_layers": 1, "segment": 132300},
)
