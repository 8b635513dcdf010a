"""Networks of spectra that contain the STFT and its inverse, and compute in real arithmetic between them."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from components.core.networks.base.option_names import LevelName
from components.core.networks.base.waveform import WaveformSeparator
from components.core.sound.stft import Stft
from components.core.sound.stft_config import StftConfig


class SpectralNetwork(nn.Module, ABC):
    """STFT, the network, inverse STFT: `(batch, channels, samples)` to `(batch, stems, channels, samples)`.

    Its exports replace the STFT, because engines have no complex numbers.
    """

    def __init__(self, stft: StftConfig, make_window: Callable[[int], Tensor] = torch.hann_window) -> None:
        super().__init__()
        self.window, self.hop = stft.window, stft.hop
        self.stft = Stft(stft, make_window)

    @abstractmethod
    def estimate_spectra(self, spectrum: Tensor) -> Tensor:
        """`(batch, channels, bins, frames, 2)` to `(batch, stems, channels, bins, frames, 2)`, float32.

        The last axis holds the real and the imaginary part.
        """

    def forward(self, mixture: Tensor) -> Tensor:
        """Separate whole hops of samples."""
        spectra = self.estimate_spectra(torch.view_as_real(self.stft(mixture)))
        return self.stft.inverse(torch.view_as_complex(spectra.contiguous()), mixture.shape[-1])


class SpectralSeparator(WaveformSeparator):
    """A spectral network on a number of frames that is a multiple of `frame_multiple`."""

    network: SpectralNetwork

    def __init__(
        self, network: SpectralNetwork, segment: int, frame_multiple: int = 1, level: LevelName = "as-is"
    ) -> None:
        super().__init__(network, segment, level)
        self.window, self.hop, self.frame_multiple = network.window, network.hop, frame_multiple

    def padded_length(self, samples: int) -> int:
        """Return a whole number of hops, at least two windows: the STFT reflects the edges."""
        frames = -(-max(samples, 2 * self.window) // self.hop) + 1
        return (-(-frames // self.frame_multiple) * self.frame_multiple - 1) * self.hop
