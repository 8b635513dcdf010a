"""Separators around networks that turn the samples of a mixture into the samples of its stems.

Such a network wants its mixture at a level of its own; the stems are scaled back.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from components.core.networks.base.option_names import LevelName
from components.core.networks.base.separator import Separator, make_consistent

_SILENT_LEVEL = 1e-10  # of samples, where full scale is 1

Level = Callable[[Tensor], tuple[Tensor, Tensor]]
"""A function from a mixture `(batch, channels, samples)` to its offset and scale, both `(batch, 1, 1)`.

The network gets (mixture - offset) / scale."""


def keep_level(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """Change nothing: for networks that normalise their input or were trained without normalisation."""
    return mixture.new_zeros(len(mixture), 1, 1), mixture.new_ones(len(mixture), 1, 1)


def standardise(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """Give the mean of the channels a mean of 0 and a variance of 1, like Demucs (`demucs.separate`)."""
    mono = mixture.mean(dim=1, keepdim=True)
    mean = mono.mean(dim=-1, keepdim=True)
    deviation = (mono - mean).square().mean(dim=-1, keepdim=True).sqrt() + _SILENT_LEVEL
    return mean, deviation


def normalise_loudness(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """Give all channels together a root mean square of 1."""
    loudness = mixture.square().mean(dim=(1, 2), keepdim=True).sqrt() + _SILENT_LEVEL
    return torch.zeros_like(loudness), loudness


def normalise_peak(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """Give the mixture a peak of 1: for networks that end in a tanh."""
    peak = mixture.abs().amax(dim=(1, 2), keepdim=True).clamp_min(_SILENT_LEVEL)
    return torch.zeros_like(peak), peak


INPUT_LEVELS: Mapping[LevelName, Level] = {
    "as-is": keep_level,
    "standardised": standardise,
    "unit-loudness": normalise_loudness,
    "full-scale": normalise_peak,
}
"""Input levels by their names in configs and in exported files."""


class WaveformSeparator(Separator):
    """A network from `(batch, channels, samples)` to `(batch, stems, channels, samples)`, for certain lengths.

    `level` names the input level of the network (`INPUT_LEVELS`).
    """

    def __init__(self, network: nn.Module, segment: int, level: LevelName = "as-is") -> None:
        super().__init__()
        self.network = network
        self.segment = segment
        self.level = level

    @abstractmethod
    def padded_length(self, samples: int) -> int:
        """Return the smallest number of samples, at least `samples`, that the network accepts."""

    def estimates(self, mixture: Tensor) -> Tensor:
        """Scale the mixture to the input level, separate it, and scale the stems back."""
        offset, scale = INPUT_LEVELS[self.level](mixture)
        stems = self.run_network((mixture - offset) / scale)
        return stems * scale.unsqueeze(1) + offset.unsqueeze(1)

    def run_network(self, mixture: Tensor) -> Tensor:
        """Pad with silence on both sides to a length that the network accepts, separate, and cut the padding off."""
        samples = mixture.shape[-1]
        missing = self.padded_length(samples) - samples
        padded = nn.functional.pad(mixture, (missing // 2, missing - missing // 2))
        stems: Tensor = self.network(padded)
        return stems[..., missing // 2 : missing // 2 + samples]

    def forward(self, mixture: Tensor) -> Tensor:
        """Return stems that add up to the mixture."""
        return make_consistent(self.estimates(mixture), mixture)
