"""Demucs (v2): its parameters and description; the network is in `components.core.networks.demucs`."""

from typing import Literal

from pydantic import Field

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture


class DemucsConfig(Section):
    """The defaults are the published values; the first of `depth` levels has `channels`, each next twice as many."""

    name: Literal["demucs"] = "demucs"
    channels: int = Field(64, gt=0)
    depth: int = Field(6, gt=0)
    lstm_layers: int = Field(2, gt=0)
    resample: bool = True
    segment: int = Field(441000, gt=0)


ARCHITECTURE = Architecture(
    title="Demucs (v2)",
    family="waveform",
    source="Défossez et al., 2019",
    config=DemucsConfig,
    small={"channels": 12, "depth": 5, "lstm_layers": 1, "segment": 132300},
)
