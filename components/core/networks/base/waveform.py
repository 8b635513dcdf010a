"""Separators around networks that turn the samples of a mixture into the samples of its stems."""

from abc import abstractmethod

from torch import Tensor, nn

from components.core.networks.base.input_levels import INPUT_LEVELS, LevelName
from components.core.networks.base.separator import Separator, make_consistent


class WaveformSeparator(Separator):
    """A network from `(batch, channels, samples)` to `(batch, stems, channels, samples)`, for certain lengths.

    `level` names the input level of the network (`input_levels.py`).
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
