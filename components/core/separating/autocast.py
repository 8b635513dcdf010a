"""A network that computes in a lower precision where torch's autocast considers it safe."""

import torch
from torch import Tensor, nn


class Autocast(nn.Module):
    """`network`, which computes in `dtype` and returns float32 or complex64."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.dtype = dtype

    def forward(self, given: Tensor) -> Tensor:
        """Run the network under autocast."""
        with torch.autocast(given.device.type, self.dtype):
            result: Tensor = self.network(given)
        return result if result.is_complex() else result.float()
