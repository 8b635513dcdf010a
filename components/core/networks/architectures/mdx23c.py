"""MDX23C: its parameters and description; the network is in `components.core.networks.mdx23c`."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.networks.base.option_names import LevelName
from components.core.sound.stft_config import StftConfig


class Mdx23cConfig(Section):
    """The defaults are the sizes of most published weights.

    width          channels of the first level; each of the `levels` below has `growth` more
    blocks         convolutions of a level, each with a layer across frequency
    bottleneck     by how much the layers across frequency narrow
    sub_bands      parts of the spectrum that are folded into channels
    scale          by how much a level shortens time and frequency
    bins           the lowest ones of the STFT, which the network sees; the others are zero
    level          level of the samples that the network gets; published weights take them as they are: `as-is`
    """

    name: Literal["mdx23c"] = "mdx23c"
    width: int = Field(128, gt=0)
    growth: int = Field(128, ge=0)
    levels: int = Field(5, gt=0)
    blocks: int = Field(2, gt=0)
    bottleneck: int = Field(4, gt=0)
    sub_bands: int = Field(4, gt=0)
    scale: tuple[PositiveInt, PositiveInt] = (2, 2)
    norm: Literal["instance", "batch"] = "instance"
    activation: Literal["gelu", "relu"] = "gelu"
    stft: StftConfig = StftConfig(window=8192, hop=1024)
    bins: int = Field(4096, gt=0)
    level: LevelName = "unit-loudness"
    segment: int = Field(261120, gt=0)

    @property
    def heights(self) -> list[int]:
        """Rows of each level, from the first to the deepest."""
        return [self.bins // self.sub_bands // self.scale[1] ** level for level in range(self.levels + 1)]

    @model_validator(mode="after")
    def _bins_fit(self) -> "Mdx23cConfig":
        self.stft.require_bins(self.bins)
        multiple = self.sub_bands * self.scale[1] ** self.levels
        if self.bins % multiple or self.heights[-1] < self.bottleneck:
            raise ValueError(
                f"bins: expected a multiple of {multiple}, of {multiple * self.bottleneck} or more, got {self.bins}"
            )
        return self


ARCHITECTURE = Architecture(
    title="MDX23C",
    family="spectrogram",
    source="TFC-TDF v3: Kim, Lee and Jung, arXiv 2306.09382",
    config=Mdx23cConfig,
    small={
        "width": 16,
        "growth": 8,
        "levels": 3,
        "blocks": 1,
        "stft": {"window": 2048, "hop": 1024},
        "bins": 1024,
        "segment": 130048,
    },
)
