"""The parameters of post-processing, for modules that need no torch."""

from typing import Literal

from pydantic import Field

from components.core.base.params import Section

OVERLAP = 0.25
"""The default share of a segment that overlaps with the next one (docs/decisions/0020-overlap.md)."""


class PostProcessing(Section):
    """The way from the network's estimates to stems.

    method       native: as the network's authors make them; ratio: ratio masks of the estimated magnitudes to the
                 power of `exponent`; wiener: a multichannel Wiener filter, `iterations` rounds of EM
    above        what becomes of frequencies above those that the network sees (ratio and wiener; native has its own):
                 average: each stem gets of a frame its share of the octave below; zero: the last stem gets them
    overlap      the share of a segment that overlaps with the next one
    shifts       number of separations of a segment, each at a small shift in time; their results are averaged
    """

    method: Literal["native", "ratio", "wiener"] = "native"
    exponent: float = Field(1.0, gt=0)
    iterations: int = Field(1, gt=0)
    above: Literal["average", "zero"] = "average"
    overlap: float = Field(OVERLAP, ge=0.0, lt=1.0)
    shifts: int = Field(1, gt=0)
