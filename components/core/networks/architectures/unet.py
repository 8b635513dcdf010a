"""U-Net: its parameters and description; the network is in `components.core.networks.unet`."""

from typing import Literal

from pydantic import Field, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.sound.stft_config import StftConfig


class UNetConfig(Section):
    """`widths`: channels of each level, top to bottom; `bins`, `frames`: size of the spectrogram of a segment."""

    name: Literal["unet"] = "unet"
    widths: tuple[int, ...] = Field((16, 32, 64, 128, 256), min_length=1)
    stft: StftConfig = StftConfig()
    bins: int = Field(1024, gt=0)
    frames: int = Field(256, gt=2)

    @model_validator(mode="after")
    def _bins_exist(self) -> "UNetConfig":
        self.stft.require_bins(self.bins)
        return self


ARCHITECTURE = Architecture(
    title="U-Net",
    family="spectrogram",
    source="the paper; Ronneberger et al., MICCAI 2015; Jansson et al., ISMIR 2017",
    config=UNetConfig,
    small={"widths": [8, 16, 32, 64], "frames": 128},
)
