"""How loud a network on samples wants its mixture: it is brought there, and its stems are brought back."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

LevelName = Literal["as-is", "standardised", "unit-loudness", "full-scale"]

Level = Callable[[Tensor], tuple[Tensor, Tensor]]
"""`(batch, channels, samples)` to an offset and a scale of a mixture, both `(batch, 1, 1)`: (mixture - offset) / scale
is what the network gets."""


def keep_level(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """For networks that normalise by themselves, or were trained on music as it is."""
    return mixture.new_zeros(len(mixture), 1, 1), mixture.new_ones(len(mixture), 1, 1)


def standardise(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """Zero mean and unit variance of the channels' mean, as Demucs' authors do it (`demucs.separate`)."""
    mono = mixture.mean(dim=1, keepdim=True)
    mean = mono.mean(dim=-1, keepdim=True)
    deviation = (mono - mean).square().mean(dim=-1, keepdim=True).sqrt() + 1e-5
    return mean, deviation


def normalise_loudness(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """A root mean square of 1 over all channels."""
    loudness = mixture.square().mean(dim=(1, 2), keepdim=True).sqrt() + 1e-5
    return torch.zeros_like(loudness), loudness


def normalise_peak(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """The loudest sample at 1, for networks that end in a tanh."""
    peak = mixture.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-8)
    return torch.zeros_like(peak), peak


INPUT_LEVELS: Mapping[LevelName, Level] = {
    "as-is": keep_level,
    "standardised": standardise,
    "unit-loudness": normalise_loudness,
    "full-scale": normalise_peak,
}
"""Also the names that exported files carry."""
