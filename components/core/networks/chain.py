"""A chain: one separator separates the mixture, and a second one separates a stem of the first."""

import torch
from torch import Tensor

from components.core.base.errors import UserError
from components.core.networks.architectures.chain import ChainConfig
from components.core.networks.base.compound import CompoundSeparator
from components.core.networks.base.separator import Separator


class ChainSeparator(CompoundSeparator):
    """The stems of the first separator, with those of the second one in place of the stem that it separates.

    The stems of both add up to their mixture, so all stems of the chain do.
    """

    def __init__(self, config: ChainConfig, channels: int) -> None:
        super().__init__(config.members, channels)
        self.split = config.split

    def estimates(self, mixture: Tensor) -> Tensor:
        """Separate twice: `(batch, channels, samples)` to `(batch, stems, channels, samples)`."""
        first, second = self.members
        stems = first(mixture)
        parts = second(stems[:, self.split])
        return torch.cat([stems[:, : self.split], parts, stems[:, self.split + 1 :]], dim=1)


def build_chain(config: ChainConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`; raises UserError when it is for another number of stems."""
    if config.stems != stems:
        raise UserError(f"the chain has {config.stems} stems, not {stems}: name all of them in targets")
    return ChainSeparator(config, channels)
