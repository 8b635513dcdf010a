"""Open-Unmix: its parameters and description; the network is in `components.core.networks.open_unmix`."""

from typing import Literal

from pydantic import Field, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.sound.stft_config import StftConfig


class OpenUnmixConfig(Section):
    """The defaults are the published values; the input is the lowest `max_bin` bins (16 kHz), masks are for all."""

    name: Literal["open_unmix"] = "open_unmix"
    hidden: int = Field(512, gt=1, multiple_of=2)
    layers: int = Field(3, gt=0)
    max_bin: int = Field(1487, gt=0)
    dropout: float = Field(0.4, ge=0, lt=1)
    stft: StftConfig = StftConfig()
    frames: int = Field(512, gt=2)

    @model_validator(mode="after")
    def _bins_exist(self) -> "OpenUnmixConfig":
        self.stft.require_bins(self.max_bin)
        return self


ARCHITECTURE = Architecture(
    title="Open-Unmix",
    family="spectrogram",
    source="Stöter et al., JOSS 2019",
    config=OpenUnmixConfig,
    small={"hidden": 64, "frames": 128},
    any_level=False,
)
