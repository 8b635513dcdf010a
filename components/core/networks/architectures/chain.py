"""A chain of two models: its parameters and description; the network is in `components.core.networks.chain`."""

from typing import Literal

from pydantic import NonNegativeInt, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.networks.base.compound_config import MemberConfig


class ChainConfig(Section):
    """Two models; the second one separates a stem of the first one.

    members    the first model and the second one
    split      the place of that stem among the stems of the first model; those of the second take this place
    """

    name: Literal["chain"] = "chain"
    members: tuple[MemberConfig, MemberConfig]
    split: NonNegativeInt

    @property
    def stems(self) -> int:
        """Stems of the chain."""
        first, second = self.members
        return first.stems - 1 + second.stems

    @model_validator(mode="after")
    def _stem_exists(self) -> "ChainConfig":
        if self.split >= self.members[0].stems:
            raise ValueError(f"split: the first model has only {self.members[0].stems} stems")
        return self


ARCHITECTURE = Architecture(
    title="Chain",
    family="waveform",
    source="the authors of its members",
    config=ChainConfig,
    trainable=False,
    any_level=False,
)
