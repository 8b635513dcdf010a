"""Conv-TasNet (Luo and Mesgarani, IEEE/ACM TASLP 2019), as Défossez et al. (arXiv 1911.13254) made it for music.

Learned filters in place of an STFT, masks on what they see from a stack of dilated convolutions, learned filters back.
It was made for speech in one channel at 8 kHz. For music in stereo at 44.1 kHz its filters see both channels at once,
and its sizes are others: the defaults, which see 1.9 s around. What is from where: layers and sizes are those of the
authors' code (facebookresearch/demucs, version 2, `tasnet.py`, with X = 10 as in `pretrained.py`). There a block has no
output of its own to the masks beside the one to the next block, as the speech network's have, and masks have no upper
bound.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from components.core.networks.architecture import Architecture
from components.core.networks.separator import Separator
from components.core.networks.waveform import StandardisedSeparator
from components.core.params import Section


class ConvTasNetConfig(Section):
    """In the paper's letters: `filters` N, `filter_samples` L, `bottleneck` B, `hidden` H, `layers` X, `stacks` R.

    P, the size of the dilated convolutions, is 3.
    """

    name: Literal["conv_tasnet"] = "conv_tasnet"
    filters: int = Field(256, gt=0)
    filter_samples: int = Field(20, gt=1, multiple_of=2)
    bottleneck: int = Field(256, gt=0)
    hidden: int = Field(512, gt=0)
    layers: int = Field(10, gt=0)
    stacks: int = Field(4, gt=0)
    segment: int = Field(352800, gt=0)


class ConvTasNet(nn.Module):
    """`(batch, channels, samples)` to `(batch, stems, channels, samples)`, for whole hops of half a filter."""

    def __init__(self, config: ConvTasNetConfig, stems: int, channels: int) -> None:
        super().__init__()
        size, hop = config.filter_samples, config.filter_samples // 2
        self.stems = stems
        self.encoder = nn.Conv1d(channels, config.filters, size, hop, bias=False)
        self.masks = nn.Sequential(
            _FrameNorm(config.filters, eps=_EPSILON),
            nn.Conv1d(config.filters, config.bottleneck, 1, bias=False),
            *(_Block(config, 2**layer) for _ in range(config.stacks) for layer in range(config.layers)),
            nn.Conv1d(config.bottleneck, stems * config.filters, 1, bias=False),
            nn.ReLU(),
        )
        self.decoder = nn.ConvTranspose1d(config.filters, channels, size, hop, bias=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_normal_(parameter)

    def forward(self, mixture: Tensor) -> Tensor:
        """Encode, mask what was seen once for every stem, decode each."""
        seen = self.encoder(mixture).relu()
        masks = self.masks(seen).reshape(len(seen), self.stems, *seen.shape[1:])
        stems: Tensor = self.decoder((masks * seen.unsqueeze(1)).flatten(0, 1))
        return stems.reshape(len(mixture), self.stems, *mixture.shape[1:])


class _Block(nn.Module):
    """A convolution with holes, a channel at a time, between two across the channels; added to what it is given."""

    def __init__(self, config: ConvTasNetConfig, dilation: int) -> None:
        super().__init__()
        inside, hidden = config.bottleneck, config.hidden
        self.layers = nn.Sequential(
            nn.Conv1d(inside, hidden, 1, bias=False), nn.PReLU(), nn.GroupNorm(1, hidden, eps=_EPSILON),
            nn.Conv1d(hidden, hidden, 3, padding=dilation, dilation=dilation, groups=hidden, bias=False),
            nn.PReLU(), nn.GroupNorm(1, hidden, eps=_EPSILON),
            nn.Conv1d(hidden, inside, 1, bias=False),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = features + self.layers(features)
        return result


class _FrameNorm(nn.LayerNorm):
    """Normalises every frame of `(batch, channels, frames)` by its own mean and deviation."""

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features.transpose(1, 2)).transpose(1, 2)


_EPSILON = 1e-8


class ConvTasNetSeparator(StandardisedSeparator):
    """The network around whole hops."""

    def __init__(self, network: nn.Module, config: ConvTasNetConfig) -> None:
        super().__init__(network, config.segment)
        self.filter_samples = config.filter_samples

    def length(self, samples: int) -> int:
        """Return whole hops, and at least a filter."""
        hop = self.filter_samples // 2
        return -(-max(samples, self.filter_samples) // hop) * hop


def build_conv_tasnet(config: ConvTasNetConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    return ConvTasNetSeparator(ConvTasNet(config, stems, channels), config)


ARCHITECTURE = Architecture(
    title="Conv-TasNet",
    family="waveform",
    source="Luo and Mesgarani, IEEE/ACM TASLP 2019; for music: Défossez et al., 2019",
    config=ConvTasNetConfig,
    build=build_conv_tasnet,
    small={
        "filters": 64,
        "filter_samples": 64,
        "bottleneck": 32,
        "hidden": 64,
        "layers": 6,
        "stacks": 2,
        "segment": 132300,
    },
)
