"""What a network of one stem leaves of the mixture, as a stem of its own.

Stems add up to the mixture: alone, a stem would have to be the mixture itself. Only converted networks have one stem.
"""

import torch
from torch import Tensor

from components.core.data.targets import residual_target
from components.core.networks.base.separator import Separator


def add_residual_target(targets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the stems of a model whose network gives `targets`: of a single one, what it leaves besides."""
    if len(targets) > 1:
        return targets
    [target] = targets
    return target, residual_target(target)


class ResidualSeparator(Separator):
    """A separator of one stem, untouched, and behind it what it leaves of the mixture: they add up to it."""

    network: Separator

    def __init__(self, network: Separator) -> None:
        super().__init__()
        self.network, self.segment, self.band = network, network.segment, network.band

    def estimates(self, mixture: Tensor) -> Tensor:
        """`(batch, channels, samples)` to `(batch, 2, channels, samples)`; what the network can't see is the rest's."""
        stem = self.network.estimates(mixture)
        return torch.cat([stem, mixture.unsqueeze(1) - stem], dim=1)
