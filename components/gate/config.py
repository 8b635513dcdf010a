"""The section `gate` of params.yaml."""

from pydantic import Field

from components.core.params import Section


class GateConfig(Section):
    """The rules; see params.yaml for what each number means."""

    minimum_gain_db: dict[str, float]
    margin_db: float = Field(ge=0)
    confidence: float = Field(gt=0.5, lt=1)
    minimum_tracks: int = Field(gt=1)
    resamples: int = Field(ge=1000)
    seed: int
