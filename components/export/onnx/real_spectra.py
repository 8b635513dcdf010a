"""Networks that compute spectra inside, in real arithmetic, because torch cannot export complex numbers to ONNX.

Their inputs and outputs are waveforms, equal to those of the original networks.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from components.core.networks.base.spectral_network import SpectralNetwork
from components.export.onnx.real_stft import RealStft


class RealHybridDemucs(nn.Module):
    """Hybrid Demucs of torchaudio or Hybrid Transformer Demucs of `demucs`, which share these four methods."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        copied: Any = deepcopy(network)
        self.hop = int(copied.hop_length)
        self.stft = RealStft(4 * self.hop, self.hop, normalised=True)
        copied._spec, copied._ispec = self._spectrum, self._samples
        copied._magnitude, copied._mask = _to_channels, _to_spectra
        self.network = copied

    def forward(self, mixture: Tensor) -> Tensor:
        """`(batch, channels, samples)` to `(batch, stems, channels, samples)`."""
        with _FloatRanges():
            stems: Tensor = self.network(mixture)
        return stems

    def _spectrum(self, samples: Tensor) -> Tensor:
        """One frame per hop, centred on it, without the highest bin."""
        edge, hops = self.hop // 2 * 3, -(-samples.shape[-1] // self.hop)
        sides = (edge, edge + hops * self.hop - samples.shape[-1])
        spectrum: Tensor = self.stft(nn.functional.pad(samples, sides, mode="reflect"))
        return spectrum[..., :-1, 2 : 2 + hops, :]

    def _samples(self, spectrum: Tensor, length: int) -> Tensor:
        edge = self.hop // 2 * 3
        whole = nn.functional.pad(spectrum, (0, 0, 2, 2, 0, 1))
        return self.stft.inverse(whole, edge + length)[..., edge:]


def _to_channels(spectrum: Tensor) -> Tensor:
    """`(batch, channels, bins, frames, 2)` to `(batch, channels * 2, bins, frames)`."""
    return spectrum.movedim(-1, 2).flatten(1, 2)


def _to_spectra(*given: Tensor) -> Tensor:
    """The last given, `(batch, stems, channels * 2, bins, frames)`, to `(batch, stems, channels, bins, frames, 2)`."""
    batch, stems, _, bins, frames = given[-1].shape
    return given[-1].reshape(batch, stems, -1, 2, bins, frames).movedim(3, -1)


class _FloatRanges(TorchFunctionMode):
    """Gives all ends of a `torch.arange` the same type, since ONNX has no range of several types."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is torch.arange and any(isinstance(end, float) for end in args):
            args = [float(end) for end in args]
        return func(*args, **(kwargs or {}))


class RealSpectralNetwork(nn.Module):
    """A spectral network between our STFT and its inverse."""

    def __init__(self, network: SpectralNetwork) -> None:
        super().__init__()
        self.network = network
        self.stft = RealStft(network.window, network.hop)

    def forward(self, mixture: Tensor) -> Tensor:
        """`(batch, channels, samples)` to `(batch, stems, channels, samples)`."""
        return self.stft.inverse(self.network.estimate_spectra(self.stft(mixture)), mixture.shape[-1])
