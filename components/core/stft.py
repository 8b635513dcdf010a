"""The short-time Fourier transform that all spectrogram networks share."""

import torch
from torch import Tensor, nn

from components.core.params import Section


class StftConfig(Section):
    """`window` samples a frame (n_fft), `hop` samples from one frame to the next."""

    window: int = 4096
    hop: int = 1024


class Stft(nn.Module):
    """STFT and its inverse with a periodic Hann window, centred frames, reflected edges."""

    hann: Tensor

    def __init__(self, config: StftConfig) -> None:
        super().__init__()
        self.window, self.hop = config.window, config.hop
        self.register_buffer("hann", torch.hann_window(config.window, periodic=True), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Turn `(..., samples)` float32 into `(..., bins, frames)` complex64.

        `bins = window / 2 + 1`, `frames = ceil(samples / hop) + 1`. Lengths are padded with zeros to whole hops, and to
        more than half a window, below which an edge cannot be reflected.
        """
        samples = audio.shape[-1]
        whole = max(-(-samples // self.hop) * self.hop, self.window)
        flat = nn.functional.pad(audio.reshape(-1, samples), (0, whole - samples))
        spectrum = torch.stft(
            flat, self.window, self.hop, window=self.hann, center=True, pad_mode="reflect", return_complex=True
        )
        return spectrum.reshape(*audio.shape[:-1], *spectrum.shape[-2:])

    def inverse(self, spectrum: Tensor, samples: int) -> Tensor:
        """Turn `(..., bins, frames)` complex64 back into `(..., samples)` float32."""
        flat = spectrum.reshape(-1, *spectrum.shape[-2:])
        whole = (spectrum.shape[-1] - 1) * self.hop
        audio = torch.istft(flat, self.window, self.hop, window=self.hann, center=True, length=whole)
        return audio[..., :samples].reshape(*spectrum.shape[:-2], samples)
