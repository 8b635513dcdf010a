"""D3Net: its parameters and description; the network is in `components.core.networks.d3net`."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.sound.stft_config import StftConfig


class D3BandConfig(Section):
    """The U-Net of a band.

    `enter` is the number of channels after the first convolution. `growth` and `layers` have a value for each D3 block,
    down and up again; their number is odd, and the middle one is the deepest. `blocks` is the number of D2 blocks in a
    D3 block.
    """

    enter: int = Field(gt=0)
    growth: tuple[PositiveInt, ...] = Field(min_length=3)
    layers: tuple[PositiveInt, ...] = Field(min_length=3)
    blocks: int = Field(gt=0)

    @model_validator(mode="after")
    def _lengths_are_odd_and_equal(self) -> "D3BandConfig":
        if len(self.growth) % 2 == 0 or len(self.growth) != len(self.layers):
            raise ValueError("growth, layers: both need the same odd number of values")
        return self


_LOW = D3BandConfig(enter=32, growth=(16, 18, 20, 22, 20, 18, 16), layers=(5, 5, 5, 5, 4, 4, 4), blocks=2)


_HIGH = D3BandConfig(enter=8, growth=(2,) * 7, layers=(1,) * 7, blocks=1)


_FULL = D3BandConfig(
    enter=32, growth=(13, 14, 15, 16, 17, 16, 14, 12, 11), layers=(4, 5, 6, 7, 8, 6, 5, 4, 4), blocks=2
)


class D3NetConfig(Section):
    """The defaults are the published values; the low band is the lowest `split` of the `bins`."""

    name: Literal["d3net"] = "d3net"
    low: D3BandConfig = _LOW
    high: D3BandConfig = _HIGH
    full: D3BandConfig = _FULL
    last_growth: int = Field(12, gt=0)
    last_layers: int = Field(3, gt=0)
    split: int = Field(256, gt=0)
    stft: StftConfig = StftConfig()
    bins: int = Field(1600, gt=1)
    frames: int = Field(256, gt=2)

    @model_validator(mode="after")
    def _bins_fit(self) -> "D3NetConfig":
        self.stft.require_bins(self.bins)
        if self.split >= self.bins:
            raise ValueError(f"split: the low band must end below bin {self.bins}")
        return self


ARCHITECTURE = Architecture(
    title="D3Net",
    family="spectrogram",
    source="Takahashi and Mitsufuji, CVPR 2021",
    config=D3NetConfig,
    small={
        "low": {"enter": 8, "growth": [6, 8, 6], "layers": [2, 2, 2], "blocks": 2},
        "high": {"enter": 4, "growth": [2, 2, 2], "layers": [1, 1, 1], "blocks": 1},
        "full": {"enter": 4, "growth": [4, 6, 4], "layers": [2, 2, 2], "blocks": 1},
        "last_growth": 6,
        "last_layers": 2,
        "bins": 1024,
        "frames": 128,
    },
)
