"""A guard against a fault of oneDNN 3.12 (in torch 2.13): strided convolutions that are one frame wide, in bfloat16.

On processors with AMX, oneDNN reads memory that nobody wrote when a convolution with a stride gives an output of width
1. From the second row on the numbers are wrong or NaN. The gradient of a transposed convolution of an input of width 1
is such a convolution, too. `findings/onednn_narrow_convolution.sh` shows it without this project.
"""

from typing import Any

import torch
from torch import Tensor, nn


def guard_narrow_convolutions(network: nn.Module) -> None:
    """Make all strided convolutions of `network` compute narrow images correctly; float32 and GPUs are untouched."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.stride[1] > 1:
            module.register_forward_hook(_compute_wider)


def _compute_wider(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    """Compute a narrow convolution again with silent frames behind the image, and cut off what they add."""
    if output.device.type != "cpu" or output.dtype not in (torch.bfloat16, torch.float16):
        return output
    assert isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    narrow = output if isinstance(module, nn.Conv2d) else inputs[0]
    if narrow.shape[-1] > 1:
        return output
    wider = nn.functional.pad(inputs[0], (0, module.stride[1]))
    return module.forward(wider)[..., : output.shape[-1]]
