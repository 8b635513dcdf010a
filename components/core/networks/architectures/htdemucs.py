"""Hybrid Transformer Demucs: its parameters and description; the network is in `components.core.networks.htdemucs`."""

from typing import Literal

from pydantic import Field, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture


class HTDemucsConfig(Section):
    """The defaults are the published values. `bottom` and `layers`: channels and layers of the transformer.

    With a `bottom` of 0 the transformer has the channels of the deepest level, as in the published htdemucs_6s.
    `window`: samples of an STFT frame.
    """

    name: Literal["htdemucs"] = "htdemucs"
    channels: int = Field(48, ge=8)
    depth: int = Field(4, gt=0)
    bottom: int = Field(512, ge=0, multiple_of=4)
    layers: int = Field(5, gt=0)
    heads: int = Field(8, gt=0)
    window: int = Field(4096, gt=0)
    segment: int = Field(343980, gt=0)

    @property
    def width(self) -> int:
        """Channels of the transformer."""
        return self.bottom or self.channels * int(2 ** (self.depth - 1))

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "HTDemucsConfig":
        if self.width % self.heads or self.width % 4:
            raise ValueError(
                f"bottom: the transformer's {self.width} channels must be a multiple of 4 and of {self.heads} heads"
            )
        return self

    @model_validator(mode="after")
    def _bins_are_left(self) -> "HTDemucsConfig":
        """Each level keeps a quarter of the bins, and some must be left for the transformer."""
        if self.window % (2 * 4**self.depth) or self.window <= 4 ** (self.depth + 1):
            raise ValueError(
                f"window: a depth of {self.depth} needs a multiple of {2 * 4**self.depth} above {4 ** (self.depth + 1)}"
            )
        return self


ARCHITECTURE = Architecture(
    title="Hybrid Transformer Demucs",
    family="hybrid",
    source="Rouard, Massa and Défossez, ICASSP 2023",
    config=HTDemucsConfig,
    packages=("demucs",),
    small={"channels": 8, "bottom": 32, "layers": 2, "heads": 2, "window": 2048, "segment": 132300},
)
