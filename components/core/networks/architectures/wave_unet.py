"""Wave-U-Net: its parameters and description; the network is in `components.core.networks.wave_unet`."""

from typing import Literal

from pydantic import Field, field_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture


class WaveUNetConfig(Section):
    """`layers` levels, each with `filters` more channels; `down`, `up`: length of a filter in samples, odd."""

    name: Literal["wave_unet"] = "wave_unet"
    layers: int = Field(12, gt=0)
    filters: int = Field(24, gt=0)
    down: int = Field(15, gt=0)
    up: int = Field(5, gt=0)
    segment: int = Field(442373, gt=0)

    @field_validator("down", "up")
    @classmethod
    def _size_is_odd(cls, size: int) -> int:
        if size % 2 == 0:
            raise ValueError("the filters must have an odd number of samples")
        return size

    @property
    def step(self) -> int:
        """Distance in samples between two steps of the deepest level."""
        return int(2**self.layers)

    @property
    def context(self) -> int:
        """The samples by which the input is longer than the output; an even number, half of them on either side."""
        return (self.down - 1) * (2 * self.step - 1) + (self.up - 1) * (self.step - 1)

    def output_length(self, samples: int) -> int:
        """Return the smallest length, at least `samples`, that the network can output."""
        return -(-max(samples - self.up, 0) // self.step) * self.step + self.up


ARCHITECTURE = Architecture(
    title="Wave-U-Net",
    family="waveform",
    source="Stoller, Ewert and Dixon, ISMIR 2018",
    config=WaveUNetConfig,
    small={"layers": 8, "filters": 8, "segment": 65541},
)
