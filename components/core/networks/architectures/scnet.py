"""SCNet: its parameters and description; the network is in `components.core.networks.scnet`."""

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
