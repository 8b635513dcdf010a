"""Which precision to compute in."""

from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}

_UNITS = ("avx512_bf16", "amx_bf16")
"""Instructions that multiply bfloat16, by torch's names; without them bf16 is slower than fp32."""


def best_precision() -> Precision:
    """Return bf16 where the GPU, or without one the processor, has units for it, else fp32."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    capabilities = torch.cpu.get_capabilities()
    return "bf16" if any(capabilities.get(unit) for unit in _UNITS) else "fp32"
