"""Separation on the samples themselves, around any network that turns a mixture into stems."""

from abc import abstractmethod

from torch import Tensor, nn

from components.core.networks.separator import Separator, consistent


class WaveformSeparator(Separator):
    """A network from `(batch, channels, samples)` to `(batch, stems, channels, samples)`, for its own lengths."""

    def __init__(self, network: nn.Module, segment: int) -> None:
        super().__init__()
        self.network = network
        self.segment = segment

    @abstractmethod
    def length(self, samples: int) -> int:
        """Return the smallest number of samples, at least `samples`, that the network takes."""

    def estimates(self, mixture: Tensor) -> Tensor:
        """Pad with silence on both sides to a length that the network takes, separate, and cut the padding off."""
        samples = mixture.shape[-1]
        missing = self.length(samples) - samples
        padded = nn.functional.pad(mixture, (missing // 2, missing - missing // 2))
        stems: Tensor = self.network(padded)
        return stems[..., missing // 2 : missing // 2 + samples]

    def forward(self, mixture: Tensor) -> Tensor:
        """Estimates that add up to the mixture."""
        return consistent(self.estimates(mixture), mixture)


class StandardisedSeparator(WaveformSeparator):
    """A network around the mixture made zero mean and unit variance, as Demucs' authors do it."""

    def estimates(self, mixture: Tensor) -> Tensor:
        """Normalise by the mean of the channels, separate, and go back."""
        mono = mixture.mean(dim=1, keepdim=True)
        mean = mono.mean(dim=-1, keepdim=True)
        deviation = (mono - mean).square().mean(dim=-1, keepdim=True).sqrt() + _SILENCE
        stems = super().estimates((mixture - mean) / deviation)
        return stems * deviation.unsqueeze(1) + mean.unsqueeze(1)


_SILENCE = 1e-5
