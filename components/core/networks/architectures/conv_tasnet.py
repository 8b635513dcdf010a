"""Conv-TasNet: its parameters and description; the network is in `components.core.networks.conv_tasnet`."""

from typing import Literal

from pydantic import Field

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture


class ConvTasNetConfig(Section):
    """The paper's letters: `filters` N, `filter_samples` L, `bottleneck` B, `hidden` H, `layers` X, `stacks` R."""

    name: Literal["conv_tasnet"] = "conv_tasnet"
    filters: int = Field(256, gt=0)
    filter_samples: int = Field(20, gt=1, multiple_of=2)
    bottleneck: int = Field(256, gt=0)
    hidden: int = Field(512, gt=0)
    layers: int = Field(10, gt=0)
    stacks: int = Field(4, gt=0)
    segment: int = Field(352800, gt=0)


ARCHITECTURE = Architecture(
    title="Conv-TasNet",
    family="waveform",
    source="Luo and Mesgarani, IEEE/ACM TASLP 2019; sizes for music: Défossez et al., 2019",
    config=ConvTasNetConfig,
    small={
        "filters": 64,
        "filter_samples": 64,
        "bottleneck": 32,
        "hidden": 64,
        "layers": 6,
        "stacks": 2,
        "segment": 132300,
    },
)
