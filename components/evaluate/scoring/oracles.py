"""Oracles: estimates made with the true targets known, the ceilings of a table.

They are the oracles of SiSEC 2018 (Stöter, Liutkus and Ito, LVA/ICA 2018), with our targets as its sources, on an STFT
with a window of 4096 samples and a hop of 1024.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from components.core.models.model_folder import Model
from components.core.sound.decoding import Audio
from components.core.sound.stft import Stft
from components.core.sound.stft_config import StftConfig

_STFT = StftConfig(window=4096, hop=1024)
_EPSILON = 1e-10  # as in core/networks/base/spectrogram.py: where all targets are silent, masks are 0
_ROUNDS = 2  # of estimating a source's power and its directions in turn, as SiSEC's oracle
_BINS_AT_ONCE = 128  # covariances of a whole song would take gigabytes

Filter = Callable[[Tensor, Tensor], Tensor]
"""Function of the spectra of targets `(targets, channels, bins, frames)` and mixture `(channels, bins, frames)`.

It returns the spectra of the estimates, in the shape of the targets."""


def oracle(apply: Filter) -> Callable[[Model, Audio, Audio], Audio]:
    """Return an estimator that applies a filter to the mixture's spectrum; it knows the spectra of the true targets."""

    def estimate(model: Model, mixture: Audio, references: Audio) -> Audio:
        stft = Stft(_STFT)
        with torch.inference_mode():
            estimates = apply(stft(torch.from_numpy(references)), stft(torch.from_numpy(mixture)))
            samples: Audio = stft.inverse(estimates, mixture.shape[-1]).numpy()
        return samples

    return estimate


def ideal_binary(targets: Tensor, mixture: Tensor) -> Tensor:
    """Give every bin of a channel to its loudest target (Wang, 2005)."""
    magnitude = targets.abs()
    masks = (magnitude == magnitude.amax(dim=0, keepdim=True)) & (magnitude > 0)
    return masks * mixture


def ideal_ratio(power: int) -> Filter:
    """Return a filter with the masks |s|ᵖ / Σ|s|ᵖ: `power` 1 for magnitudes (IRM1), 2 for powers (IRM2)."""

    def ratio(targets: Tensor, mixture: Tensor) -> Tensor:
        level = targets.abs() ** power
        return level / (level.sum(dim=0, keepdim=True) + _EPSILON) * mixture

    return ratio


def ideal_wiener(targets: Tensor, mixture: Tensor) -> Tensor:
    """Filter by the multichannel Wiener filter of the true targets (Duong et al., IEEE TASLP 2010).

    Every target has a power v in every bin and a spatial covariance R for every frequency. They are estimated in turn:
    R is the mean over the frames of s sᴴ / v, and v is tr(R⁻¹ s sᴴ) / channels (equations 12 and 13). The estimate is
    v R (Σ v R)⁻¹ x.
    """
    parts = zip(*(torch.split(spectra, _BINS_AT_ONCE, dim=-2) for spectra in (targets, mixture)), strict=True)
    return torch.cat([_wiener(*part) for part in parts], dim=-2)


def _wiener(targets: Tensor, mixture: Tensor) -> Tensor:
    channels = mixture.shape[0]
    unit = torch.eye(channels, dtype=torch.complex128)
    spectra = targets.to(torch.complex128).permute(0, 2, 3, 1).unsqueeze(-1)  # (targets, bins, frames, channels, 1)
    covariance = spectra @ spectra.mH
    power = targets.abs().double().square().mean(dim=1)[..., None, None]
    for _ in range(_ROUNDS):
        directions = (covariance / (power + _EPSILON)).mean(dim=2, keepdim=True)
        weight = directions.diagonal(dim1=-2, dim2=-1).sum(-1).real[..., None, None] / channels
        directions = directions + (1e-4 * weight + _EPSILON) * unit  # a target in the middle has no second direction
        seen = (torch.linalg.inv(directions) * covariance.transpose(-1, -2)).sum(dim=(-2, -1), keepdim=True)
        power = seen.real.clamp_min(0) / channels
    modelled = power * directions
    total = modelled.sum(dim=0) + _EPSILON * unit
    whitened = torch.linalg.solve(total, mixture.to(torch.complex128).permute(1, 2, 0).unsqueeze(-1))
    estimates: Tensor = (modelled @ whitened).squeeze(-1).permute(0, 3, 1, 2)
    return estimates.to(torch.complex64)
