"""A network whose products are computed with fewer bits, by torch's autocast: where that is safe."""

import torch
from torch import Tensor, nn


class Autocast(nn.Module):
    """`network` as it is, computing in `dtype`; what it gives is float32 again, or complex64."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.dtype = dtype

    def forward(self, given: Tensor) -> Tensor:
        """Do what the network does."""
        with torch.autocast(given.device.type, self.dtype):
            result: Tensor = self.network(given)
        return result if result.is_complex() else result.float()
