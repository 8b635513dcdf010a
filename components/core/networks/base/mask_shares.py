"""What share of the mixture each stem gets, from the masks that a network gives: they sum to one over the stems."""

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

    Not the ratio of powers: trained on absolute differences the masks are sharp already, and squaring them costs half a
    decibel (docs/decisions/0006).
    """
    return (masks + EPSILON / masks.shape[1]) / (masks.sum(dim=1, keepdim=True) + EPSILON)


def of_powers(masks: Tensor, spectrum: Tensor) -> Tensor:
    """(ŝ² + ε/n) / (Σ ŝ² + ε), where ŝ is the mask times the mixture's magnitude (`separator.py` of Spleeter)."""
    power = (masks * spectrum.abs().unsqueeze(1)).square()
    return (power + EPSILON / power.shape[1]) / (power.sum(dim=1, keepdim=True) + EPSILON)


MASK_SHARES: Mapping[SharesName, Shares] = {"of-masks": of_masks, "of-powers": of_powers}
"""Also the names that exported files carry."""
