"""A network that an engine runs, as a replacement of a separator's network."""

from collections.abc import Callable
from copy import deepcopy
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn

from components.core.networks.base.separator import Separator
from components.core.networks.base.spectrogram import ComplexMaskSeparator

Run = Callable[[Any], Any]
"""Runs the network: a NumPy array of the exported shape, a batch of one, to a NumPy array."""


class EngineNetwork(nn.Module):
    """A network that `run` computes, segment by segment."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def forward(self, images: Tensor) -> Tensor:
        """Pass every image to the engine."""
        return torch.cat([torch.from_numpy(self._run(image[None].contiguous().numpy())) for image in images])


class ComplexBorder(nn.Module):
    """Complex spectra and masks for a network that has real and imaginary parts on a last axis of two."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, spectrum: Tensor) -> Tensor:
        """`(batch, channels, bins, frames)` complex64 to `(batch, stems, channels, bins, frames)` complex64."""
        return torch.view_as_complex(self.network(torch.view_as_real(spectrum.contiguous())).contiguous())


def with_engine(separator: Separator, run: Run) -> Separator:
    """Return a copy of `separator` whose network the engine runs; it takes mixtures of one segment."""
    copied = deepcopy(separator).eval()
    copied.network = _bordered(separator, EngineNetwork(run))
    return copied


@singledispatch
def _bordered(separator: Separator, network: nn.Module) -> nn.Module:
    return network


@_bordered.register
def _(separator: ComplexMaskSeparator, network: nn.Module) -> nn.Module:
    return ComplexBorder(network)
