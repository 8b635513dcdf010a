"""An ensemble: its parameters and description; the network is in `components.core.networks.ensemble`."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.networks.base.compound_config import MemberConfig

Combination = Literal["mean", "median", "min", "max"]

MemberOutput = Literal["stems", "estimates"]

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class EnsembleMemberConfig(MemberConfig):
    """A model of the ensemble.

    places     for each stem of the ensemble, its place among the stems of the model
    weights    for each stem of the ensemble, the weight of the model in the mean
    """

    places: tuple[NonNegativeInt, ...] = Field(min_length=1)
    weights: tuple[Weight, ...]

    @model_validator(mode="after")
    def _stems_fit(self) -> "EnsembleMemberConfig":
        if len(self.weights) != len(self.places) or max(self.places) >= self.stems:
            raise ValueError("members: each needs a weight and one of its stems for each stem of the ensemble")
        return self


class EnsembleConfig(Section):
    """Several models as one.

    combination   of the members' stems: the weighted mean or the median of the samples; or, for each bin of each frame
                  of the spectra, the number of smallest or largest magnitude
    output        what is combined: the stems of each member, which add up, or the estimates of its network alone
    """

    name: Literal["ensemble"] = "ensemble"
    combination: Combination = "mean"
    output: MemberOutput = "stems"
    members: tuple[EnsembleMemberConfig, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _members_agree(self) -> "EnsembleConfig":
        weights = [member.weights for member in self.members]
        if len({len(numbers) for numbers in weights}) > 1:
            raise ValueError("members: each needs a place for each stem of the ensemble")
        if not all(map(sum, zip(*weights, strict=True))):
            raise ValueError("members: each stem needs a member with a weight above 0")
        if self.combination != "mean" and any(number != 1 for numbers in weights for number in numbers):
            raise ValueError(f"members: only a mean has weights, the {self.combination} has none")
        return self


ARCHITECTURE = Architecture(
    title="Ensemble",
    family="waveform",
    source="the authors of its members",
    config=EnsembleConfig,
    trainable=False,
    any_level=False,
)
