"""SCNet: its parameters and description; the network is in `components.core.networks.scnet`."""

import math
import operator
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.networks.base.option_names import LevelName
from components.core.sound.stft_config import StftConfig


class SCNetBandConfig(Section):
    """A band: its `share` of the bins, and the `stride` and `kernel` in bins by which each level compresses it.

    `depth` is the number of convolution modules in the band at each level.
    """

    share: float = Field(gt=0, lt=1)
    stride: int = Field(gt=0)
    kernel: int = Field(gt=0)
    depth: int = Field(gt=0)

    def padded(self, bins: int) -> int:
        """Return the number of bins with the zeros that let the convolution keep all of them."""
        return bins + self.kernel - 1 if self.stride == 1 else -(-bins // self.stride) * self.stride

    def compressed(self, bins: int) -> int:
        """Return the number of bins that a level makes of `bins`; less than 1 where they are too few."""
        return (self.padded(bins) - self.kernel) // self.stride + 1

    def expanded(self, bins: int) -> int:
        """Return the number of bins that the decoder makes of `bins` of the next level."""
        return (bins - 1) * self.stride + self.kernel


def split_bins(bands: Sequence[SCNetBandConfig], bins: int) -> list[int]:
    """Return the number of bins of each of three bands, from low to high."""
    low = math.ceil(bins * bands[0].share)
    lower = math.ceil(bins * (bands[0].share + bands[1].share))
    return [low, lower - low, bins - lower]


_LOW = SCNetBandConfig(share=0.175, stride=1, kernel=3, depth=3)


_MIDDLE = SCNetBandConfig(share=0.392, stride=4, kernel=4, depth=2)


_HIGH = SCNetBandConfig(share=0.433, stride=16, kernel=16, depth=1)


class SCNetConfig(Section):
    """The defaults are the paper's values; its large model has the `widths` 64, 128 and 256.

    widths         channels of each level
    low, middle    the two lower bands; `high` is the rest of the bins, whatever its share
    compress       by how much a convolution module narrows, and `kernel` its frames
    layers         of the two paths between the levels: along the bins, then along time
    expand         features of the LSTM, as a multiple of the channels
    level          level of the samples that the network gets; published weights take them as they are: `as-is`
    """

    name: Literal["scnet"] = "scnet"
    widths: tuple[PositiveInt, ...] = Field((32, 64, 128), min_length=1)
    low: SCNetBandConfig = _LOW
    middle: SCNetBandConfig = _MIDDLE
    high: SCNetBandConfig = _HIGH
    compress: int = Field(4, gt=0)
    kernel: int = Field(3, gt=0)
    layers: int = Field(6, gt=0, multiple_of=2)
    expand: int = Field(1, gt=0)
    stft: StftConfig = StftConfig()
    level: LevelName = "unit-loudness"
    segment: int = Field(485100, gt=0)

    @property
    def bands(self) -> tuple[SCNetBandConfig, SCNetBandConfig, SCNetBandConfig]:
        """The bands from low to high."""
        return self.low, self.middle, self.high

    @model_validator(mode="after")
    def _sizes_fit(self) -> "SCNetConfig":
        if self.low.share + self.middle.share >= 1:
            raise ValueError("low, middle: their shares must leave some bins for the high band")
        if self.kernel % 2 == 0:
            raise ValueError("kernel: expected an odd number")
        if min(self.widths) < self.compress:
            raise ValueError(f"widths: expected {self.compress} or more, by which a convolution module narrows")
        if any(band.kernel < band.stride for band in self.bands):
            raise ValueError("low, middle, high: a kernel must not be shorter than its stride")
        return self

    @model_validator(mode="after")
    def _bins_are_left(self) -> "SCNetConfig":
        bins = self.stft.window // 2 + 1
        for level in range(1, len(self.widths) + 1):
            parts = split_bins(self.bands, bins)
            made = [band.compressed(part) for band, part in zip(self.bands, parts, strict=True)]
            back = [band.expanded(part) for band, part in zip(self.bands, made, strict=True)]
            if min(*parts, *made) < 1 or any(map(operator.lt, back, parts)):
                raise ValueError(f"stft, low, middle, high: level {level} has {parts} bins, too few for the kernels")
            bins = sum(made)
        return self


ARCHITECTURE = Architecture(
    title="SCNet",
    family="spectrogram",
    source="Tong et al., ICASSP 2024",
    config=SCNetConfig,
    small={
        "widths": [8, 16, 24],
        "layers": 2,
        "stft": {"window": 2048, "hop": 1024},
        "segment": 132300,
    },
)
