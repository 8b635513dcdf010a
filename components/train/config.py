"""The section `train` of params.yaml."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from components.core.networks.registry import parse_network
from components.core.params import Section


def _network(values: Any) -> Section:
    return values if isinstance(values, Section) else parse_network(values)


Share = Annotated[float, Field(ge=0, le=1)]


class AugmentConfig(Section):
    """What is done to each stem of a crop, on its own: the shares are probabilities."""

    gain_db: float = Field(6.0, ge=0)
    """Gains are drawn evenly from ± this many dB."""
    remix_share: Share = 0.5
    """How often a crop's stems come from different tracks."""
    swap_share: Share = 0.5
    """How often left and right are swapped."""
    flip_share: Share = 0.5
    """How often the sign is flipped."""


class TrainConfig(Section):
    """A training; `batch` counts crops over all processes, whatever their number."""

    seed: int
    network: Annotated[SerializeAsAny[Section], BeforeValidator(_network)]
    loss: Literal["waveform", "magnitude"]
    crop_seconds: float = Field(gt=0)
    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    clip_norm: float = Field(gt=0)
    ema_decay: float = Field(ge=0, lt=1)
    precision: Literal["fp32", "bf16"]
    augment: AugmentConfig
    validate_every: int = Field(gt=0)
    validation_seconds: float = Field(gt=0)
    patience: int = Field(gt=0)
