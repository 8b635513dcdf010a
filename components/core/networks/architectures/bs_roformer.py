"""BS-RoFormer: its parameters and description; the network is in `components.core.networks.bs_roformer`."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from components.core.networks.base.architecture import Architecture
from components.core.networks.base.roformer_config import RoformerConfig

_PAPER_BANDS = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)


class BSRoformerConfig(RoformerConfig):
    """The defaults are the paper's values; the authors' model of MUSDB18-HQ alone has a `depth` of 6.

    `head_width` is `width` / `heads` in the paper, and 64 in most published weights. `bands` gives the number of bins
    of each band; their sum is window / 2 + 1.
    """

    name: Literal["bs_roformer"] = "bs_roformer"
    head_width: int = Field(48, gt=2, multiple_of=2)
    bands: tuple[PositiveInt, ...] = Field(_PAPER_BANDS, min_length=2)

    @model_validator(mode="after")
    def _bands_cover_all_bins(self) -> "BSRoformerConfig":
        if sum(self.bands) != self.bins:
            raise ValueError(
                f"bands: an STFT of window {self.window} has {self.bins} bins, the bands have {sum(self.bands)}"
            )
        return self


ARCHITECTURE = Architecture(
    title="BS-RoFormer",
    family="spectrogram",
    source="Lu et al., ICASSP 2024",
    config=BSRoformerConfig,
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
