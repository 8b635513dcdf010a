"""What every architecture is to the rest of the system."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Separator(nn.Module, ABC):
    """Samples in, stems out.

    `segment` is the number of samples that a forward pass works best on (what the network was built for); any other
    number works too. `band` is the share of the spectrum, from 0 Hz up, that the network sees. `network` is the part
    with the weights, which torch may compile.
    """

    network: nn.Module
    segment: int
    band: float = 1.0

    @abstractmethod
    def estimates(self, mixture: Tensor) -> Tensor:
        """Return what the training's loss compares.

        `(batch, channels, samples)` to `(batch, stems, channels, samples)`.
        """

    def forward(self, mixture: Tensor) -> Tensor:
        """Return what a user gets, same shapes as `estimates`; here the stems add up to the mixture where they can."""
        return self.estimates(mixture)


def make_consistent(stems: Tensor, mixture: Tensor) -> Tensor:
    """Return `stems`, `(batch, stems, …)`, with an equal share each of what they leave of `mixture`, `(batch, …)`.

    They add up to the mixture then. Mixture consistency: Wisdom et al., ICASSP 2019, equation 4.
    """
    return stems + (mixture.unsqueeze(1) - stems.sum(dim=1, keepdim=True)) / stems.shape[1]
