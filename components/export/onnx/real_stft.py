"""The STFT in real arithmetic, because exporters support no complex numbers and engines not the whole transform.

A transform of rows times columns samples is two matrix products with a rotation between them (Cooley and Tukey,
Mathematics of Computation 1965). So its constants are small, and float32 is precise enough. Spectra have their real and
imaginary parts on a last axis of two.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

CONSTANTS = ".fourier."
"""A part of the names of all constants of the transform, also in exported files; int8 is too coarse for them."""

_Parts = tuple[Tensor, Tensor]
"""Real and imaginary."""


class RealStft(nn.Module):
    """Equals `torch.stft` and `torch.istft` with a periodic Hann window, centred."""

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
        cut = cut_frames(nn.functional.pad(samples, (edge, edge), mode="reflect"), self.window, self.hop)
        spectrum: Tensor = self.fourier(cut * (self.scale * self.hann))
        return spectrum.transpose(-2, -3)

    def inverse(self, spectrum: Tensor, samples: int) -> Tensor:
        """Turn `(..., bins, frames, 2)` back into `(..., samples)`."""
        cut = self.fourier.inverse(spectrum.transpose(-2, -3)) * (self.hann / self.scale)
        weights = self.hann.square().expand(cut.shape[-2], -1)
        kept = slice(self.window // 2, self.window // 2 + samples)
        return overlap_add(cut, self.hop)[..., kept] / overlap_add(weights, self.hop)[kept]


class RealFourier(nn.Module):
    """Equals `torch.fft.rfft` and `torch.fft.irfft` for an even number of samples."""

    mirrored: Tensor

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length
        rows = max(factor for factor in range(1, math.isqrt(length) + 1) if length % factor == 0)
        self.grid = (rows, length // rows)
        self.row_roots = Roots(rows, rows, rows)
        self.rotation = Roots(*self.grid, length)
        self.column_roots = Roots(length // rows, length // rows, length // rows)
        counts = torch.full((length // 2 + 1, 1), 2.0)  # each bin also stands for its mirror image
        counts[0] = counts[-1] = 1.0
        self.register_buffer("mirrored", counts / length, persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Turn `(..., length)` into `(..., length / 2 + 1, 2)`."""
        parts = self._transform((samples, torch.zeros_like(samples)))
        return torch.stack(parts, dim=-1)[..., : self.length // 2 + 1, :]

    def inverse(self, spectrum: Tensor) -> Tensor:
        """Turn `(..., length / 2 + 1, 2)` into `(..., length)`: the real part of the transform of the conjugate."""
        real, imaginary = (spectrum * self.mirrored).unbind(-1)
        missing = (0, self.length - real.shape[-1])
        return self._transform((nn.functional.pad(real, missing), nn.functional.pad(-imaginary, missing)))[0]

    def _transform(self, parts: _Parts) -> _Parts:
        """Transform `(..., length)`, complex: the columns of the grid, the rotation, the rows, then a transposition."""
        real, imaginary = (part.reshape(*part.shape[:-1], *self.grid) for part in parts)
        turned = self.rotation.multiply(self.row_roots.multiply_left((real, imaginary)))
        real, imaginary = self.column_roots.multiply_right(turned)
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

    def multiply(self, given: _Parts) -> _Parts:
        """Return the product of each number with its constant."""
        return _multiply_complex(torch.mul, self._constants, given)

    def multiply_left(self, given: _Parts) -> _Parts:
        """Return the matrix product with the constants on the left."""
        return _multiply_complex(torch.matmul, self._constants, given)

    def multiply_right(self, given: _Parts) -> _Parts:
        """Return the matrix product with the constants on the right."""
        return _multiply_complex(torch.matmul, given, self._constants)

    @property
    def _constants(self) -> _Parts:
        return self.real, self.imaginary


def _multiply_complex(times: Callable[[Tensor, Tensor], Tensor], left: _Parts, right: _Parts) -> _Parts:
    (a, b), (c, d) = left, right
    return times(a, c) - times(b, d), times(a, d) + times(b, c)


def cut_frames(samples: Tensor, window: int, hop: int) -> Tensor:
    """Cut `(..., samples)` into complete frames, `(..., frames, window)`."""
    count, hops = 1 + (samples.shape[-1] - window) // hop, -(-window // hop)
    missing = (count - 1 + hops) * hop - samples.shape[-1]
    pieces = nn.functional.pad(samples, (0, missing)).reshape(*samples.shape[:-1], -1, hop)
    return torch.cat([pieces[..., first : first + count, :] for first in range(hops)], dim=-1)[..., :window]


def overlap_add(cut: Tensor, hop: int) -> Tensor:
    """Add frames `(..., frames, window)` at their positions to `(..., samples)`, a multiple of `hop`."""
    hops = -(-cut.shape[-1] // hop)
    pieces = nn.functional.pad(cut, (0, hops * hop - cut.shape[-1])).chunk(hops, dim=-1)
    padded = [nn.functional.pad(piece, (0, 0, first, hops - 1 - first)) for first, piece in enumerate(pieces)]
    return torch.stack(padded).sum(dim=0).flatten(-2)
