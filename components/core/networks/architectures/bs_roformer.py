"""BS-RoFormer: its parameters and description; the network is in `components.core.networks.bs_roformer`."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture

_PAPER_BANDS = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)


class BSRoformerConfig(Section):
    """The defaults are the paper's values; the authors' model of MUSDB18-HQ alone has a `depth` of 6.

    `head_width` is `width` / `heads` in the paper, and 64 in the package. `bands` gives the number of bins of each
    band; their sum is window / 2 + 1.
    """

    name: Literal["bs_roformer"] = "bs_roformer"
    width: int = Field(384, gt=0)
    depth: int = Field(12, gt=0)
    heads: int = Field(8, gt=0)
    head_width: int = Field(48, gt=2, multiple_of=2)
    bands: tuple[PositiveInt, ...] = Field(_PAPER_BANDS, min_length=2)
    window: int = Field(2048, gt=1, lt=8192, multiple_of=2)  # the package tests its STFT on 4,096 samples
    hop: int = Field(441, gt=0)
    segment: int = Field(352800, gt=0)

    @model_validator(mode="after")
    def _bands_cover_all_bins(self) -> "BSRoformerConfig":
        if sum(self.bands) != self.window // 2 + 1:
            bins = self.window // 2 + 1
            raise ValueError(
                f"bands: an STFT of window {self.window} has {bins} bins, the bands have {sum(self.bands)}"
            )
        return self

    @model_validator(mode="after")
    def _frames_overlap(self) -> "BSRoformerConfig":
        if self.hop > self.window // 2:
            raise ValueError(f"hop: at most half of the window, {self.window // 2}")
        return self


ARCHITECTURE = Architecture(
    title="BS-RoFormer",
    family="spectrogram",
    source="Lu et al., ICASSP 2024",
    config=BSRoformerConfig,
    packages=("bs-roformer",),
    small={
        "width": 48,
        "depth": 2,
        "heads": 2,
        "head_width": 24,
        "bands": [8, 8, 16, 16, 16, 32, 32, 64, 64, 128, 128, 513],
        "hop": 1024,
        "segment": 132300,
    },
)
