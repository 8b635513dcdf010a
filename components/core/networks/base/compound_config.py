"""The parameters of a model inside another one, without torch."""

from typing import Any

from pydantic import Field, model_validator

from components.core.base.params import Section
from components.core.networks.architecture_registry import parse_network


class MemberConfig(Section):
    """A model.

    network    its network, as in `train.network`
    heads      stems of this network; with one, the rest of the mixture is a second stem
    """

    network: dict[str, Any]
    heads: int = Field(gt=0)

    @property
    def stems(self) -> int:
        """Stems of the model."""
        return max(self.heads, 2)

    @model_validator(mode="after")
    def _network_exists(self) -> "MemberConfig":
        parse_network(self.network, "members")
        return self
