"""The section `train` of params.yaml."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from components.core.base.params import Section
from components.core.networks.registry import parse_network


def _network(values: Any) -> Section:
    return values if isinstance(values, Section) else parse_network(values)


Share = Annotated[float, Field(ge=0, le=1)]


class AugmentConfig(Section):
    """What is done to the stems of a crop, each on its own: the shares are probabilities."""

    gain_db: float = Field(6.0, ge=0)
    """Gains are drawn evenly from ± this many dB."""
    remix_share: Share = 0.5
    """How often a crop's targets come from different tracks."""
    part_remix_share: Share = 0.0
    """How often, when they do, the parts of a target (drums, bass …) come from different tracks too."""
    mixup_share: Share = 0.0
    """How often a second track's stem is added to a target's."""
    swap_share: Share = 0.5
    """How often left and right are swapped."""
    flip_share: Share = 0.5
    """How often the sign is flipped."""
    silence_share: Share = 0.0
    """How often a target is silent."""
    warp_share: Share = 0.0
    """How often tempo and pitch are changed."""
    warp_tempo: float = Field(0.12, ge=0, lt=0.5)
    """Tempo is changed by up to this share."""
    warp_semitones: float = Field(2.0, ge=0, le=12)
    """Pitch is changed by up to so many semitones."""


class TrainConfig(Section):
    """A training; `batch` counts crops over all processes, whatever their number.

    A process takes its share of the batch in `passes` passes, for networks too large for one; `compile` has torch
    compile the network, which takes a minute or two at the start.
    """

    seed: int
    network: Annotated[SerializeAsAny[Section], BeforeValidator(_network)]
    loss: Literal["waveform", "magnitude"]
    crop_seconds: float = Field(gt=0)
    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    passes: int = Field(1, gt=0)
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    clip_norm: float = Field(gt=0)
    ema_decay: float = Field(ge=0, lt=1)
    precision: Literal["fp32", "bf16"]
    compile: bool = False
    data_share: float = Field(1.0, gt=0, le=1)
    """Share of each dataset's training tracks to use, for learning curves: a smaller share is part of a larger one."""
    datasets: dict[str, dict[str, Annotated[float, Field(gt=0)]]] = Field(default_factory=dict)
    """For a target, how often each dataset is drawn; by their lengths where nothing is said."""
    augment: AugmentConfig
    validate_every: int = Field(gt=0)
    checkpoint_every: int = Field(100, gt=0)
    """Steps from one checkpoint to the next; every validation writes one too."""
    validation_seconds: float = Field(gt=0)
    patience: int = Field(gt=0)
    loading_threads: int = Field(1, gt=0)
    """Threads of a process that prepare crops while the device works; they change no crop."""
