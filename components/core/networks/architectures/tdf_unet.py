"""Stemline TDF U-Net: its parameters and description; the network is in `components.core.networks.tdf_unet`."""

from typing import Literal

from pydantic import Field, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.sound.stft_config import StftConfig


class TdfUNetConfig(Section):
    """`widths`: channels of each level, top to bottom; `bins` are folded into `bands` sub-bands of equal width.

    `bottleneck`: the factor by which the fully connected layers narrow the frequencies. `mask`: `complex` without
    bounds, or `bounded`, real between 0 and 1. `frames`: length of a segment when separating.
    """

    name: Literal["tdf_unet"] = "tdf_unet"
    widths: tuple[int, ...] = Field((32, 64, 96, 128), min_length=1)
    stft: StftConfig = StftConfig()
    bins: int = Field(1024, gt=0)
    bands: int = Field(4, gt=0)
    bottleneck: int = Field(8, gt=0)
    mask: Literal["complex", "bounded"] = "complex"
    frames: int = Field(256, gt=2)

    @model_validator(mode="after")
    def _bins_fit(self) -> "TdfUNetConfig":
        self.stft.require_bins(self.bins)
        parts = self.bands * 2 ** (len(self.widths) - 1)
        if self.bins % parts:
            raise ValueError(f"bins: {self.bins} cannot be halved {len(self.widths) - 1} times in {self.bands} bands")
        return self


ARCHITECTURE = Architecture(
    title="Stemline TDF U-Net",
    family="spectrogram",
    source="ours, from published parts (see the module)",
    config=TdfUNetConfig,
    small={"widths": [16, 24, 32], "frames": 128},
)
