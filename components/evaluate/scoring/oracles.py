"""What the best mask could do: estimates from the true targets, the ceilings of a table.

The oracles of SiSEC 2018 (Stöter, Liutkus and Ito, LVA/ICA 2018), with the targets as its sources, all on one STFT of
4096 samples, 1024 apart.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from components.core.models.bundle import Model
from components.core.sound.decoding import Audio
from components.core.sound.stft import Stft, StftConfig

_STFT = StftConfig(window=4096, hop=1024)
_EPSILON = 1e-10  # as in core.networks.spectrogram: where all is silent, nothing is passed
_ROUNDS = 2  # of alternating between a source's power and its directions, as SiSEC's oracle

Filter = Callable[[Tensor, Tensor], Tensor]
"""Spectra of the targets `(targets, channels, bins, frames)` and of the mixture `(channels, …)` to the estimates'."""


def oracle(apply: Filter) -> Callable[[Model, Audio, Audio], Audio]:
    """Return the estimator that filters the mixture's spectrum, with the true targets' known."""

    def estimate(model: Model, mixture: Audio, references: Audio) -> Audio:
        stft = Stft(_STFT)
        with torch.inference_mode():
            estimates = apply(stft(torch.from_numpy(references)), stft(torch.from_numpy(mixture)))
            samples: Audio = stft.inverse(estimates, mixture.shape[-1]).numpy()
        return samples

    return estimate


def ideal_binary(targets: Tensor, mixture: Tensor) -> Tensor:
    """Each bin of a channel goes to the loudest target in it (Wang, 2005)."""
    magnitude = targets.abs()
    masks = (magnitude == magnitude.amax(dim=0, keepdim=True)) & (magnitude > 0)
    return masks * mixture


def ideal_ratio(power: int) -> Filter:
    """Return the filter by the masks |s|ᵖ / Σ|s|ᵖ: IRM1 for magnitudes, IRM2 for powers."""

    def ratio(targets: Tensor, mixture: Tensor) -> Tensor:
        level = targets.abs() ** power
        return level / (level.sum(dim=0, keepdim=True) + _EPSILON) * mixture

    return ratio


def ideal_wiener(targets: Tensor, mixture: Tensor) -> Tensor:
    """The multichannel Wiener filter of the true targets' powers and directions (Duong et al., IEEE TASLP 2010).

    Of each target the power v of every bin and one spatial covariance R a frequency, in turns: R is the mean over the
    frames of s sᴴ / v, and v is tr(R⁻¹ s sᴴ) / channels (equations 12 and 13 there). The estimate is v R (Σ v R)⁻¹ x.
    """
    pieces = range(0, mixture.shape[-2], _BINS)
    return torch.cat(
        [_wiener(targets[..., first : first + _BINS, :], mixture[..., first : first + _BINS, :]) for first in pieces],
        dim=-2,
    )


_BINS = 128  # at a time: covariances of a whole song would take gigabytes


def _wiener(targets: Tensor, mixture: Tensor) -> Tensor:
    channels = mixture.shape[0]
    unit = torch.eye(channels, dtype=torch.complex128)
    spectra = targets.to(torch.complex128).permute(0, 2, 3, 1).unsqueeze(-1)  # (targets, bins, frames, channels, 1)
    covariance = spectra @ spectra.mH
    power = targets.abs().double().square().mean(dim=1)[..., None, None]
    for _ in range(_ROUNDS):
        directions = (covariance / (power + _EPSILON)).mean(dim=2, keepdim=True)
        weight = directions.diagonal(dim1=-2, dim2=-1).sum(-1).real[..., None, None] / channels
        directions = directions + (1e-4 * weight + _EPSILON) * unit  # targets in the middle have no second direction
        seen = (torch.linalg.inv(directions) * covariance.transpose(-1, -2)).sum(dim=(-2, -1), keepdim=True)
        power = seen.real.clamp_min(0) / channels
    modelled = power * directions
    total = modelled.sum(dim=0) + _EPSILON * unit
    whitened = torch.linalg.solve(total, mixture.to(torch.complex128).permute(1, 2, 0).unsqueeze(-1))
    estimates: Tensor = (modelled @ whitened).squeeze(-1).permute(0, 3, 1, 2)
    return estimates.to(torch.complex64)
