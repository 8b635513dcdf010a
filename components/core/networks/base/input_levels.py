"""Input levels: how a mixture is scaled for a network on samples; its stems are scaled back."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

LevelName = Literal["as-is", "standardised", "unit-loudness", "full-scale"]

Level = Callable[[Tensor], tuple[Tensor, Tensor]]
"""A function from a mixture `(batch, channels, samples)` to its offset and scale, both `(batch, 1, 1)`.

The network gets (mixture - offset) / scale."""


def keep_level(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """Change nothing: for networks that normalise their input or were trained without normalisation."""
    return mixture.new_zeros(len(mixture), 1, 1), mixture.new_ones(len(mixture), 1, 1)


def standardise(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """Give the mean of the channels a mean of 0 and a variance of 1, like Demucs (`demucs.separate`)."""
    mono = mixture.mean(dim=1, keepdim=True)
    mean = mono.mean(dim=-1, keepdim=True)
    deviation = (mono - mean).square().mean(dim=-1, keepdim=True).sqrt() + 1e-5
    return mean, deviation


def normalise_loudness(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """Give all channels together a root mean square of 1."""
    loudness = mixture.square().mean(dim=(1, 2), keepdim=True).sqrt() + 1e-5
    return torch.zeros_like(loudness), loudness


def normalise_peak(mixture: Tensor) -> tuple[Tensor, Tensor]:
    """Give the mixture a peak of 1: for networks that end in a tanh."""
    peak = mixture.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-8)
    return torch.zeros_like(peak), peak


INPUT_LEVELS: Mapping[LevelName, Level] = {
    "as-is": keep_level,
    "standardised": standardise,
    "unit-loudness": normalise_loudness,
    "full-scale": normalise_peak,
}
"""Input levels by their names in configs and in exported files."""
