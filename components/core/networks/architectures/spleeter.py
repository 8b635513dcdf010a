"""Spleeter: its parameters and description; the network is in `components.core.networks.spleeter`."""

from typing import Literal

from pydantic import Field, PositiveFloat, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.sound.stft_config import StftConfig


class SpleeterConfig(Section):
    """The defaults are the values of the published 2-stem model.

    `activation` is `elu` in the 4- and 5-stem models, `masks` is `softmax` in the 5-stem model. The published models
    take the magnitudes as they are, so they separate quiet recordings worse. With a `level_range`, a segment whose
    level (root mean square of its magnitudes) is outside the range is scaled to the nearest end of it first.
    """

    name: Literal["spleeter"] = "spleeter"
    widths: tuple[int, ...] = Field((16, 32, 64, 128, 256, 512), min_length=2)
    activation: Literal["relu", "elu"] = "relu"
    masks: Literal["sigmoid", "softmax"] = "sigmoid"
    dropout: float = Field(0.5, ge=0, lt=1)
    stft: StftConfig = StftConfig()
    bins: int = Field(1024, gt=0)
    frames: int = Field(512, gt=2)
    level_range: tuple[PositiveFloat, PositiveFloat] | None = None

    @model_validator(mode="after")
    def _range_is_ordered(self) -> "SpleeterConfig":
        if self.level_range is not None and self.level_range[0] > self.level_range[1]:
            raise ValueError(f"level_range: {self.level_range[0]:g} is above {self.level_range[1]:g}: swap them")
        return self

    @model_validator(mode="after")
    def _bins_exist(self) -> "SpleeterConfig":
        self.stft.require_bins(self.bins)
        return self


ARCHITECTURE = Architecture(
    title="Spleeter",
    family="spectrogram",
    source="Hennequin et al., JOSS 2020",
    config=SpleeterConfig,
    small={"widths": [8, 16, 32, 64, 128], "frames": 128},
    any_level=False,
)
