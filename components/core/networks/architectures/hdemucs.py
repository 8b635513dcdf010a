"""Hybrid Demucs: its parameters and description; the network is in `components.core.networks.hdemucs`."""

from typing import Literal

from pydantic import Field, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture

MEETING_LEVELS = {256: 3, 1024: 4, 2048: 5, 4096: 5, 16384: 6}
"""The possible STFT windows, and the level at which one bin is left and both branches have equally many steps."""


class HDemucsConfig(Section):
    """The defaults are the published values (`hdemucs_high` of torchaudio); `window`: samples of an STFT frame."""

    name: Literal["hdemucs"] = "hdemucs"
    channels: int = Field(48, gt=0, multiple_of=4)
    depth: int = Field(6, gt=0)
    window: int = Field(4096, gt=0)
    segment: int = Field(441000, gt=0)

    @model_validator(mode="after")
    def _branches_meet(self) -> "HDemucsConfig":
        if self.window not in MEETING_LEVELS:
            raise ValueError(
                f"window: expected one of {', '.join(map(str, MEETING_LEVELS))}, for which the two branches meet"
            )
        if self.depth < MEETING_LEVELS[self.window]:
            raise ValueError(f"depth: a window of {self.window} needs at least {MEETING_LEVELS[self.window]}")
        return self


ARCHITECTURE = Architecture(
    title="Hybrid Demucs",
    family="hybrid",
    source="Défossez, MDX workshop 2021",
    config=HDemucsConfig,
    small={"channels": 8, "depth": 5, "window": 1024, "segment": 132300},
)
