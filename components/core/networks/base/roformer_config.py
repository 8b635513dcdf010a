"""The parameters that RoFormers on bands of the spectrum share, without torch."""

from typing import Self

from pydantic import Field, model_validator

from components.core.base.params import Section
from components.core.sound.stft_config import require_overlap


class RoformerConfig(Section):
    """Sizes of a RoFormer between an STFT and its inverse.

    width              features of a token; a token stands for one band of one frame
    depth              blocks; each attends along time and then along the bands
    head_width         features of an attention head
    time_layers        layers of a block along time
    band_layers        layers of a block along the bands
    mask_layers        linear layers of a mask estimator
    mask_expansion     hidden features of a mask estimator, as a multiple of `width`
    dropout            share of the activations that training drops
    zero_dc            whether the bin at 0 Hz of every stem is zero, as in the training code of the published weights
    window, hop        of the STFT, in samples
    """

    width: int = Field(384, gt=0)
    depth: int = Field(12, gt=0)
    heads: int = Field(8, gt=0)
    head_width: int = Field(64, gt=2, multiple_of=2)
    time_layers: int = Field(1, gt=0)
    band_layers: int = Field(1, gt=0)
    mask_layers: int = Field(2, gt=0)
    mask_expansion: int = Field(4, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    zero_dc: bool = True
    window: int = Field(2048, gt=1, multiple_of=2)
    hop: int = Field(441, gt=0)
    segment: int = Field(352800, gt=0)

    @property
    def bins(self) -> int:
        """Bins of a frame."""
        return self.window // 2 + 1

    @model_validator(mode="after")
    def _frames_overlap(self) -> Self:
        require_overlap(self.window, self.hop)
        return self
