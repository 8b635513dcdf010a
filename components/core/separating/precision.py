"""Precisions, the best one for this machine, and networks that compute in a lower one."""

from typing import Literal

import torch
from torch import Tensor, nn

Precision = Literal["fp32", "bf16"]

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}

_UNITS = ("avx512_bf16", "amx_bf16")
"""CPU instructions that multiply bfloat16, by torch's names. Without them bf16 is slower than fp32."""


def best_precision() -> Precision:
    """Return bf16 if the GPU, or the CPU where there is no GPU, has instructions for it; otherwise fp32."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    capabilities = torch.cpu.get_capabilities()
    return "bf16" if any(capabilities.get(unit) for unit in _UNITS) else "fp32"


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
