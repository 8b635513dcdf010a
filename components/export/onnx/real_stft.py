"""The STFT in real arithmetic: exporters know no complex numbers, and engines not all of the transform.

A transform of rows times columns samples is two matrix products with a rotation between them (Cooley and Tukey,
Mathematics of Computation 1965): small constants, and float32's precision. Spectra have real and imaginary parts in a
last axis of two.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

CONSTANTS = ".fourier."
"""In the names of all constants of a `RealStft`'s transform, in exported files too: 8 bits are too few for these."""

_Parts = tuple[Tensor, Tensor]
"""Real and imaginary."""


class RealStft(nn.Module):
    """What `torch.stft` and `torch.istft` give with a periodic Hann window, centred."""

    hann: Tensor

    def __init__(self, window: int, hop: int, normalised: bool = False) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        self.scale = window**-0.5 if normalised else 1.0
        self.fourier = RealFourier(window)
        self.register_buffer("hann", torch.hann_window(window), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Turn `(batch, channels, samples)` into `(batch, channels, bins, 1 + samples // hop, 2)`."""
        edge = self.window // 2
        cut = frames(nn.functional.pad(samples, (edge, edge), mode="reflect"), self.window, self.hop)
        spectrum: Tensor = self.fourier(cut * (self.scale * self.hann))
        return spectrum.transpose(-2, -3)

    def inverse(self, spectrum: Tensor, samples: int) -> Tensor:
        """Turn `(..., bins, frames, 2)` back into `(..., samples)`."""
        cut = self.fourier.inverse(spectrum.transpose(-2, -3)) * (self.hann / self.scale)
        weights = self.hann.square().expand(cut.shape[-2], -1)
        kept = slice(self.window // 2, self.window // 2 + samples)
        return overlapped(cut, self.hop)[..., kept] / overlapped(weights, self.hop)[kept]


class RealFourier(nn.Module):
    """What `torch.fft.rfft` and `torch.fft.irfft` give for an even number of samples."""

    mirrored: Tensor

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length
        rows = max(factor for factor in range(1, math.isqrt(length) + 1) if length % factor == 0)
        self.grid = (rows, length // rows)
        self.of_rows = Roots(rows, rows, rows)
        self.between = Roots(*self.grid, length)
        self.of_columns = Roots(length // rows, length // rows, length // rows)
        counts = torch.full((length // 2 + 1, 1), 2.0)  # each bin stands for its mirror image as well
        counts[0] = counts[-1] = 1.0
        self.register_buffer("mirrored", counts / length, persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Turn `(..., length)` into `(..., length / 2 + 1, 2)`."""
        parts = self._transformed((samples, torch.zeros_like(samples)))
        return torch.stack(parts, dim=-1)[..., : self.length // 2 + 1, :]

    def inverse(self, spectrum: Tensor) -> Tensor:
        """Turn `(..., length / 2 + 1, 2)` into `(..., length)`: the real part of the transform of the conjugate."""
        real, imaginary = (spectrum * self.mirrored).unbind(-1)
        missing = (0, self.length - real.shape[-1])
        return self._transformed((nn.functional.pad(real, missing), nn.functional.pad(-imaginary, missing)))[0]

    def _transformed(self, parts: _Parts) -> _Parts:
        """`(..., length)` complex to the same: columns of the grid, the rotation, its rows, and their transpose."""
        real, imaginary = (part.reshape(*part.shape[:-1], *self.grid) for part in parts)
        turned = self.between.times(self.of_rows.before((real, imaginary)))
        real, imaginary = self.of_columns.after(turned)
        return real.transpose(-1, -2).flatten(-2), imaginary.transpose(-1, -2).flatten(-2)


class Roots(nn.Module):
    """The constants `exp(-2 pi i row column / period)`, `(rows, columns)`, and products with them."""

    real: Tensor
    imaginary: Tensor

    def __init__(self, rows: int, columns: int, period: int) -> None:
        super().__init__()
        turns = torch.outer(torch.arange(rows), torch.arange(columns)) % period
        angles = 2 * math.pi / period * turns.double()
        self.register_buffer("real", angles.cos().float(), persistent=False)
        self.register_buffer("imaginary", -angles.sin().float(), persistent=False)

    def times(self, given: _Parts) -> _Parts:
        """Number by number."""
        return _product(torch.mul, self._constants, given)

    def before(self, given: _Parts) -> _Parts:
        """The matrix product with the constants on the left."""
        return _product(torch.matmul, self._constants, given)

    def after(self, given: _Parts) -> _Parts:
        """The matrix product with the constants on the right."""
        return _product(torch.matmul, given, self._constants)

    @property
    def _constants(self) -> _Parts:
        return self.real, self.imaginary


def _product(times: Callable[[Tensor, Tensor], Tensor], left: _Parts, right: _Parts) -> _Parts:
    (a, b), (c, d) = left, right
    return times(a, c) - times(b, d), times(a, d) + times(b, c)


def frames(samples: Tensor, window: int, hop: int) -> Tensor:
    """Cut `(..., samples)` into all whole `(..., frames, window)`."""
    count, hops = 1 + (samples.shape[-1] - window) // hop, -(-window // hop)
    missing = (count - 1 + hops) * hop - samples.shape[-1]
    pieces = nn.functional.pad(samples, (0, missing)).reshape(*samples.shape[:-1], -1, hop)
    return torch.cat([pieces[..., first : first + count, :] for first in range(hops)], dim=-1)[..., :window]


def overlapped(cut: Tensor, hop: int) -> Tensor:
    """Add `(..., frames, window)` up where they lie: `(..., samples)`, whole hops."""
    hops = -(-cut.shape[-1] // hop)
    pieces = nn.functional.pad(cut, (0, hops * hop - cut.shape[-1])).chunk(hops, dim=-1)
    places = [nn.functional.pad(piece, (0, 0, first, hops - 1 - first)) for first, piece in enumerate(pieces)]
    return torch.stack(places).sum(dim=0).flatten(-2)
