"""The short-time Fourier transform that all spectrogram networks share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from components.core.sound.stft_config import StftConfig
from components.core.sound.torchaudio_compat import torchaudio


class Stft(nn.Module):
    """STFT and its inverse with centred frames and reflected edges; `make_window` makes the window of its length."""

    def __init__(self, config: StftConfig, make_window: Callable[[int], Tensor] = torch.hann_window) -> None:
        super().__init__()
        self.window, self.hop = config.window, config.hop
        self._analysis = torchaudio.transforms.Spectrogram(
            config.window, hop_length=config.hop, window_fn=make_window, power=None
        )
        self._synthesis = torchaudio.transforms.InverseSpectrogram(
            config.window, hop_length=config.hop, window_fn=make_window
        )
        for transform in (self._analysis, self._synthesis):
            transform.register_buffer("window", transform.window, persistent=False)  # no weights: not in the model

    def forward(self, audio: Tensor) -> Tensor:
        """Turn `(..., samples)` float32 into `(..., bins, frames)` complex64.

        `bins = window / 2 + 1`, `frames = ceil(samples / hop) + 1`. Lengths are padded with zeros to whole hops, and to
        at least a window, since less than half of one cannot be reflected.
        """
        samples = audio.shape[-1]
        whole = max(-(-samples // self.hop) * self.hop, self.window)
        spectrum: Tensor = self._analysis(nn.functional.pad(audio, (0, whole - samples)))
        return spectrum

    def inverse(self, spectrum: Tensor, samples: int) -> Tensor:
        """Turn `(..., bins, frames)` complex64 back into `(..., samples)` float32."""
        audio: Tensor = self._synthesis(spectrum, (spectrum.shape[-1] - 1) * self.hop)
        return audio[..., :samples]
