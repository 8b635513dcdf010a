"""The section `train` of params.yaml."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from components.core.base.params import Section
from components.core.networks.architecture_registry import ARCHITECTURES, parse_network


def _network(values: Any) -> Section:
    network = values if isinstance(values, Section) else parse_network(values)
    name = network.model_dump()["name"]
    if not ARCHITECTURES[name].trainable:
        raise ValueError(f"{name} can't be trained: name another architecture")
    return network


Share = Annotated[float, Field(ge=0, le=1)]


class AugmentConfig(Section):
    """Augmentation of each stem of a crop; a share is a probability."""

    gain_db: float = Field(ge=0)
    """Gains are drawn evenly from ± this many dB."""
    remix_share: Share
    """The targets of a crop come from different tracks."""
    part_remix_share: Share
    """In a remixed crop, the parts of a target (drums, bass …) come from different tracks too."""
    mixup_share: Share
    """A second track's stem is added to a target's."""
    swap_share: Share
    """Left and right are swapped."""
    flip_share: Share
    """The sign is flipped."""
    silence_share: Share
    """The stem is silent."""
    warp_share: Share
    """In a remixed crop, tempo and pitch are changed."""
    warp_tempo: float = Field(ge=0, lt=0.5)
    """Largest change of the tempo, as a share."""
    warp_semitones: float = Field(ge=0, le=12)
    """Largest change of the pitch."""


class TrainConfig(Section):
    """A training: its network, its crops, its optimizer, and how often it validates."""

    seed: int
    network: Annotated[SerializeAsAny[Section], BeforeValidator(_network)]
    frozen: tuple[str, ...]
    """Modules of the network that are not trained, as patterns of their names (stems.*.down.*)."""
    frozen_norms: bool
    """Batch norms keep the statistics that the training starts with."""
    learning_rates: dict[str, Annotated[float, Field(gt=0)]]
    """By a pattern of module names: a factor on the learning rate."""
    loss: Literal["waveform", "magnitude", "sdr"]
    crop_seconds: float = Field(gt=0)
    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    """Crops per step, over all processes."""
    passes: int = Field(gt=0)
    """Forward passes into which a process divides its crops, for networks that need much memory."""
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    clip_norm: float = Field(gt=0)
    ema_decay: float = Field(ge=0, lt=1)
    precision: Literal["fp32", "bf16"]
    compile: bool
    """torch compiles the network, which takes a minute or two at the start."""
    data_share: float = Field(gt=0, le=1)
    """Share of each dataset's training tracks to use, for learning curves; a smaller share is part of a larger one."""
    datasets: dict[str, dict[str, Annotated[float, Field(gt=0)]]]
    """By target, how often each dataset is drawn; a target without an entry draws all tracks by length."""
    augment: AugmentConfig
    validate_every: int = Field(gt=0)
    """Steps between validations."""
    checkpoint_every: int = Field(gt=0)
    """Steps between checkpoints; every validation writes one too."""
    validation_seconds: float = Field(gt=0)
    patience: int = Field(gt=0)
    """Validations without improvement after which the training ends."""
    loading_threads: int = Field(gt=0)
    """Threads of each process that prepare crops; their number changes no crop."""
