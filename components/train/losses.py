"""Losses of estimated against true stems, both `(batch, stems, channels, samples)`.

A loss is a mean over crops and stems, so the losses of processes that share a batch can be averaged.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from components.core.networks.base.separator import Separator

_ERROR_FLOOR = 1e-3
"""The error, as a share of the mixture's energy, below which a smaller error is worth little (30 dB)."""


@dataclass(frozen=True)
class Loss:
    """A distance, and the stems that it compares: a function of the separator and the mixture."""

    distance: Callable[[Tensor, Tensor], Tensor]
    outputs: Callable[[Separator, Tensor], Tensor]

    def __call__(self, estimates: Tensor, stems: Tensor) -> Tensor:
        """Return the distance of stems that are both divided by the loudness of the mixture."""
        return self.distance(estimates, stems)


def waveform_distance(estimates: Tensor, stems: Tensor) -> Tensor:
    """Return the mean absolute difference of the samples (Défossez et al., 2019)."""
    return (estimates - stems).abs().mean()


def magnitude_distance(estimates: Tensor, stems: Tensor) -> Tensor:
    """Return the mean absolute difference of the STFT magnitudes; window 4096, hop 1024, like Spleeter's."""
    return (_magnitude(estimates) - _magnitude(stems)).abs().mean()


def sdr_distance(estimates: Tensor, stems: Tensor) -> Tensor:
    """Return the mean over crops and stems of 10·log10((‖s − ŝ‖² + ε) / (‖s‖² + ε)): the negative SDR in dB.

    ε limits the SDR: without it, crops that are easy already, and silent stems, would have the largest gradients.
    """
    error, signal = ((values.square().mean(dim=(-2, -1)) + _ERROR_FLOOR) for values in (stems - estimates, stems))
    return 10 * (error / signal).log10().mean()


def _magnitude(audio: Tensor) -> Tensor:
    flat = audio.flatten(0, -2)
    hann = torch.hann_window(4096, device=audio.device)
    return torch.stft(flat, 4096, 1024, window=hann, pad_mode="constant", return_complex=True).abs()


def _estimates(separator: Separator, mixture: Tensor) -> Tensor:
    return separator.estimates(mixture)


def _stems_for_users(separator: Separator, mixture: Tensor) -> Tensor:
    stems: Tensor = separator(mixture)
    return stems


LOSSES: dict[str, Loss] = {
    "waveform": Loss(waveform_distance, _estimates),
    "magnitude": Loss(magnitude_distance, _estimates),
    "sdr": Loss(sdr_distance, _stems_for_users),
}
