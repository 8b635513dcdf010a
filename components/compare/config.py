"""The section `compare` of params.yaml."""

from pydantic import Field

from components.core.base.params import Section


class CompareConfig(Section):
    """How differences between systems are judged.

    confidence    of the intervals, and one minus it the level of the tests
    resamples     of the bootstrap over tracks
    seed          of the bootstrap
    reference     the system that the pictures of differences compare with; the best of a target where it is left out,
                  or has no scores of the target
    """

    confidence: float = Field(0.95, gt=0.5, lt=1)
    resamples: int = Field(10_000, ge=1000)
    seed: int = 7
    reference: str | None = None
