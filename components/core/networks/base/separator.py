"""The interface of all separators, from mixtures to stems, and the step that makes stems add up to the mixture."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from components.core.data.residual_targets import residual_target


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


def add_residual_target(targets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the targets of a model whose network separates `targets`: a single target gets a residual beside it."""
    if len(targets) > 1:
        return targets
    [target] = targets
    return target, residual_target(target)


class ResidualSeparator(Separator):
    """A separator of one stem, and as its second stem the mixture minus the first one."""

    network: Separator

    def __init__(self, network: Separator) -> None:
        super().__init__()
        self.network, self.segment, self.band = network, network.segment, network.band

    def estimates(self, mixture: Tensor) -> Tensor:
        """`(batch, channels, samples)` to `(batch, 2, channels, samples)`.

        Frequencies above the network's band belong to the second stem.
        """
        stem = self.network.estimates(mixture)
        return torch.cat([stem, mixture.unsqueeze(1) - stem], dim=1)
