"""The section `compare` of params.yaml."""

from pydantic import Field

from components.core.base.params import Section


class CompareConfig(Section):
    """How differences between systems are judged.

    confidence    of the intervals; the level of the tests is 1 minus this
    resamples     of the bootstrap over tracks
    seed          of the bootstrap
    reference     the system that the pictures of differences compare with; the best system of a target where none is
                  given, or where the given one has no scores of this target
    """

    confidence: float = Field(gt=0.5, lt=1)
    resamples: int = Field(ge=1000)
    seed: int
    reference: str | None = None
