"""Losses of estimated against true stems, both `(batch, stems, channels, samples)`.

A loss is the mean over all axes, so the losses of processes that share a batch can be averaged.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]


def waveform_loss(estimates: Tensor, stems: Tensor) -> Tensor:
    """Return the mean absolute difference of the samples (Défossez et al., 2019)."""
    return (estimates - stems).abs().mean()


def magnitude_loss(estimates: Tensor, stems: Tensor) -> Tensor:
    """Return the mean absolute difference of the STFT magnitudes; window 4096, hop 1024, like Spleeter's."""
    return (_magnitude(estimates) - _magnitude(stems)).abs().mean()


def _magnitude(audio: Tensor) -> Tensor:
    flat = audio.flatten(0, -2)
    hann = torch.hann_window(4096, device=audio.device)
    return torch.stft(flat, 4096, 1024, window=hann, pad_mode="constant", return_complex=True).abs()


LOSSES: dict[str, Loss] = {"waveform": waveform_loss, "magnitude": magnitude_loss}
