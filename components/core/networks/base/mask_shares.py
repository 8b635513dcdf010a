"""Functions from masks to each stem's share of the mixture; shares sum to 1 over the stems."""

from collections.abc import Callable, Mapping
from typing import Literal

from torch import Tensor

EPSILON = 1e-10

SharesName = Literal["of-masks", "of-powers"]

Shares = Callable[[Tensor, Tensor], Tensor]
"""Masks `(batch, stems, channels, bins, frames)` and the mixture's spectrum, or its magnitudes, `(batch, channels,
bins, frames)`, to shares of the masks' shape."""


def of_masks(masks: Tensor, spectrum: Tensor) -> Tensor:
    """m / Σ m.

    Masks that are trained on absolute differences are sharp already: squaring them costs 0.5 dB (docs/decisions/0006).
    """
    return (masks + EPSILON / masks.shape[1]) / (masks.sum(dim=1, keepdim=True) + EPSILON)


def of_powers(masks: Tensor, spectrum: Tensor) -> Tensor:
    """(ŝ² + ε/n) / (Σ ŝ² + ε), where ŝ is the mask times the mixture's magnitude (`separator.py` of Spleeter)."""
    power = (masks * spectrum.abs().unsqueeze(1)).square()
    return (power + EPSILON / power.shape[1]) / (power.sum(dim=1, keepdim=True) + EPSILON)


MASK_SHARES: Mapping[SharesName, Shares] = {"of-masks": of_masks, "of-powers": of_powers}
"""Shares by their names in configs and in exported files."""
