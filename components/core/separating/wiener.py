"""The multichannel Wiener filter, in torch.

It computes the numbers of `norbert.expectation_maximization` (Liutkus and Stöter, 2019), with tensors, in batches, and
with a closed form for the 2×2 inverses. The tests compare the two. One thing differs: norbert scales loud mixtures down
to a peak of 10, and this filter scales quiet ones up to it as well. So ε is small beside every mixture, and the filter
does the same at every level.
"""

import torch
from torch import Tensor

_PEAK = 10.0
"""The peak of a scaled mixture's spectrum."""

_FAINTEST_MIXTURE = 1e-4
"""The smallest ratio of a mixture's peak to that of its stems. A fainter mixture is scaled less, because the squares of
the stems could overflow."""

_SILENT_PEAK = 1e-30


def wiener_filter(stems: Tensor, mixture: Tensor, iterations: int) -> Tensor:
    """Refine spectra by EM on a local Gaussian model (Duong, Vincent and Gribonval, IEEE TASLP 2010).

    `stems` `(batch, stems, channels, bins, frames)` and `mixture` `(batch, channels, bins, frames)`, complex64 both;
    returns the refined stems. The model of a stem is its power at each time and frequency, and the covariance of its
    channels at each frequency. Each of the `iterations` estimates both from the stems, then filters the mixture.
    """
    eps = torch.finfo(mixture.real.dtype).eps
    loudest_stem = stems.abs().flatten(1).amax(dim=1).reshape(-1, 1, 1, 1)
    peak = torch.maximum(mixture.abs().amax(dim=(1, 2, 3), keepdim=True), loudest_stem * _FAINTEST_MIXTURE)
    scale = peak.clamp(min=_SILENT_PEAK) / _PEAK
    mixture, stems = mixture / scale, stems / scale.unsqueeze(1)
    for _ in range(iterations):
        stems = _filtered(mixture, *_model(stems, eps), eps)
    return stems * scale.unsqueeze(1)


def _model(stems: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Return powers `(batch, stems, bins, frames)` and covariances `(batch, stems, bins, channels, channels)`."""
    power = stems.abs().square().mean(dim=2)
    spread = torch.einsum("bscft,bsdft->bsfcd", stems, stems.conj())
    return power, spread / (power.sum(dim=-1) + eps)[..., None, None]


def _filtered(mixture: Tensor, power: Tensor, spread: Tensor, eps: float) -> Tensor:
    channels = mixture.shape[1]
    # the mixture's model, (batch, bins, frames, channels, channels)
    total = torch.einsum("bsft,bsfcd->bftcd", power.to(spread.dtype), spread)
    total = total + eps**0.5 * torch.eye(channels, dtype=total.dtype, device=total.device)
    whitened = torch.einsum("bftcd,bdft->bftc", _inverse(total, eps), mixture)
    filtered: Tensor = torch.einsum("bsft,bsfcd,bftd->bscft", power.to(spread.dtype), spread, whitened)
    return filtered


def _inverse(matrices: Tensor, eps: float) -> Tensor:
    """Return the inverses of `(…, n, n)` that are hermitian and at least √eps; 2×2 by their determinant."""
    if matrices.shape[-1] == 1:
        return 1 / (matrices + eps)
    if matrices.shape[-1] != 2:
        general: Tensor = torch.linalg.inv(matrices)
        return general
    floor = eps**0.5
    a, b, c, d = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 0], matrices[..., 1, 1]
    # the determinant above the floor, never negative: a * d - b * c would round to 0 where both channels are equal
    above = ((a - floor) * (d - floor) - b * c).real.clamp(min=0)
    determinant = above + floor * (a + d - floor).real
    adjugate = torch.stack([torch.stack([d, -b], -1), torch.stack([-c, a], -1)], -2)
    inverses: Tensor = adjugate / determinant[..., None, None]
    return inverses
