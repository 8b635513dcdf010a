"""The multiply-adds of a network's forward pass."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.backends import mha
from torch.utils.flop_counter import FlopCounterMode

from components.core.networks.base.separator import Separator


def count_multiply_adds(separator: Separator, channels: int) -> float:
    """Return the multiply-adds of separating one segment; the separator is in evaluation mode.

    Convolutions, matrix products, attention and LSTMs count; transforms, norms and activations do not, as is usual.
    """
    device = next((parameter.device for parameter in separator.parameters()), None)
    with FlopCounterMode(display=False, custom_mapping=_ON_PROCESSORS) as counter:
        lstms = _LstmCounter(counter)
        handles = [handle for module in separator.modules() for handle in lstms.add_hooks(module)]
        was_fast = mha.get_fastpath_enabled()
        mha.set_fastpath_enabled(False)  # torch does not count it
        try:
            with torch.inference_mode():
                separator(torch.zeros(1, channels, separator.segment, device=device))
        finally:
            mha.set_fastpath_enabled(was_fast)
            for handle in handles:
                handle.remove()
    return float(counter.get_total_flops()) / 2 + lstms.multiply_adds


def _attention_operations(query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any) -> int:
    """Return the operations of attention's two products; shapes are `(batch, heads, length, width)`."""
    batch, heads, length, width = query
    return 2 * batch * heads * length * key[2] * (width + value[3])


_ON_PROCESSORS = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_operations}
"""Operations that torch counts on GPUs only."""


class _LstmCounter:
    """Counts the multiply-adds of LSTMs: every weight once a step.

    It replaces torch's own count, which contains all, some or none of an LSTM, depending on the machine.
    """

    def __init__(self, counter: FlopCounterMode) -> None:
        self.multiply_adds = 0.0
        self._counter = counter
        self._before = 0

    def add_hooks(self, module: nn.Module) -> list[Any]:
        """Hook into the module if it is an LSTM; return the handles that remove the hooks."""
        if not isinstance(module, nn.LSTM):
            return []
        return [module.register_forward_pre_hook(self._begin), module.register_forward_hook(self._end)]

    def _begin(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._before = self._counter.get_total_flops()

    def _end(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        steps = inputs[0].numel() // inputs[0].shape[-1]
        weights = sum(value.numel() for name, value in module.named_parameters() if name.startswith("weight"))
        self.multiply_adds += steps * weights - (self._counter.get_total_flops() - self._before) / 2
