"""How much a network computes: the multiply-adds of a forward pass."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.backends import mha
from torch.utils.flop_counter import FlopCounterMode

from components.core.networks.base.separator import Separator


def count_multiply_adds(separator: Separator, channels: int) -> float:
    """Return the multiply-adds of separating a segment: of convolutions, products, attention and LSTMs.

    Not of transforms, norms and activations, as everyone counts. The separator is in evaluation mode.
    """
    device = next((parameter.device for parameter in separator.parameters()), None)
    with FlopCounterMode(display=False, custom_mapping=_ON_A_PROCESSOR) as counter:
        lstms = _Lstms(counter)
        handles = [handle for module in separator.modules() for handle in lstms.hooked(module)]
        was_fast = mha.get_fastpath_enabled()
        mha.set_fastpath_enabled(False)  # of which torch counts nothing
        try:
            with torch.inference_mode():
                separator(torch.zeros(1, channels, separator.segment, device=device))
        finally:
            mha.set_fastpath_enabled(was_fast)
            for handle in handles:
                handle.remove()
    return float(counter.get_total_flops()) / 2 + lstms.multiply_adds


def _attention(query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any) -> int:
    """Return the operations of two products, of shapes `(batch, heads, length, width)`."""
    batch, heads, length, width = query
    return 2 * batch * heads * length * key[2] * (width + value[3])


_ON_A_PROCESSOR = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention}
"""What torch counts on GPUs only."""


class _Lstms:
    """What LSTMs compute: each of their weights once a step. In place of what torch counts of them: on most machines
    nothing, on some all of it.
    """

    def __init__(self, counter: FlopCounterMode) -> None:
        self.multiply_adds = 0.0
        self._counter = counter
        self._before = 0

    def hooked(self, module: nn.Module) -> list[Any]:
        """Listen to a module where it is an LSTM; return the handles to end that with."""
        if not isinstance(module, nn.LSTM):
            return []
        return [module.register_forward_pre_hook(self._begin), module.register_forward_hook(self._end)]

    def _begin(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._before = self._counter.get_total_flops()

    def _end(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        steps = inputs[0].numel() // inputs[0].shape[-1]
        weights = sum(value.numel() for name, value in module.named_parameters() if name.startswith("weight"))
        self.multiply_adds += steps * weights - (self._counter.get_total_flops() - self._before) / 2
