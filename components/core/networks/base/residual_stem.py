"""The residual stem: the mixture minus the stem of a network that separates one stem only.

With it the stems add up to the mixture. Only converted networks separate one stem only.
"""

import torch
from torch import Tensor

from components.core.data.targets import residual_target
from components.core.networks.base.separator import Separator


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
