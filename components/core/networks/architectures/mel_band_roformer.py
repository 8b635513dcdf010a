"""Mel-Band RoFormer: its parameters and description; the network is in `components.core.networks.mel_band_roformer`."""

from typing import Literal

from pydantic import Field, model_validator

from components.core.networks.base.architecture import Architecture
from components.core.networks.base.mel_bands import find_mel_bands
from components.core.networks.base.roformer_config import RoformerConfig


class MelBandRoformerConfig(RoformerConfig):
    """The defaults are the sizes of most published weights; the paper's largest model has a `depth` of 12.

    `bands` are equally wide on the mel scale up to half of `rate`, in Hz, and overlap by half.
    """

    name: Literal["mel_band_roformer"] = "mel_band_roformer"
    depth: int = Field(6, gt=0)
    mask_layers: int = Field(3, gt=0)
    bands: int = Field(60, gt=1)
    rate: int = Field(44100, gt=0)

    @model_validator(mode="after")
    def _bands_have_bins(self) -> "MelBandRoformerConfig":
        members = find_mel_bands(self.bands, self.bins, self.rate)
        if not (members.any(axis=0).all() and members.any(axis=1).all()):
            raise ValueError(f"bands: {self.bands} are too many for a window of {self.window}: some would have no bin")
        return self


ARCHITECTURE = Architecture(
    title="Mel-Band RoFormer",
    family="spectrogram",
    source="Wang, Lu and Won, arXiv 2310.01809",
    config=MelBandRoformerConfig,
    small={
        "width": 48,
        "depth": 2,
        "heads": 2,
        "head_width": 24,
        "bands": 12,
        "mask_expansion": 2,
        "hop": 1024,
        "segment": 132300,
    },
)
