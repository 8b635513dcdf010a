"""The interface of all separators: mixtures in, stems out."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Separator(nn.Module, ABC):
    """Samples in, stems out.

    `segment` is the number of samples that the network was built for; every other number works, too. `band` is the
    share of the spectrum, from 0 Hz up, that the network sees. `network` is the part with the weights.
    """

    network: nn.Module
    segment: int
    band: float = 1.0

    @abstractmethod
    def estimates(self, mixture: Tensor) -> Tensor:
        """Return the stems that the loss compares in training.

        `(batch, channels, samples)` to `(batch, stems, channels, samples)`.
        """

    def forward(self, mixture: Tensor) -> Tensor:
        """Return the stems for users, shaped like `estimates`; they add up to the mixture if possible."""
        return self.estimates(mixture)


def make_consistent(stems: Tensor, mixture: Tensor) -> Tensor:
    """Add to each of `stems`, `(batch, stems, …)`, an equal share of `mixture`, `(batch, …)`, minus their sum.

    Then the stems add up to the mixture (mixture consistency: Wisdom et al., ICASSP 2019, equation 4).
    """
    return stems + (mixture.unsqueeze(1) - stems.sum(dim=1, keepdim=True)) / stems.shape[1]
