"""A module that replaces the network of a separator and runs it in an engine."""

from collections.abc import Callable
from copy import deepcopy
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn

from components.core.networks.base.separator import Separator
from components.core.networks.base.spectrogram import ComplexMaskSeparator

Run = Callable[[Any], Any]
"""Runs the network on a NumPy array of the exported shape, a batch of one, and returns a NumPy array."""


class EngineNetwork(nn.Module):
    """A network that `run` computes, segment by segment."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def forward(self, images: Tensor) -> Tensor:
        """Pass every image to the engine."""
        return torch.cat([torch.from_numpy(self._run(image[None].contiguous().numpy())) for image in images])


class ComplexAdapter(nn.Module):
    """Complex spectra and masks around a network whose real and imaginary parts lie on a last axis of two."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, spectrum: Tensor) -> Tensor:
        """`(batch, channels, bins, frames)` complex64 to `(batch, stems, channels, bins, frames)` complex64."""
        return torch.view_as_complex(self.network(torch.view_as_real(spectrum.contiguous())).contiguous())


def replace_network(separator: Separator, run: Run) -> Separator:
    """Return a copy of `separator` whose network the engine runs. It accepts mixtures of one segment only."""
    copied = deepcopy(separator).eval()
    copied.network = _adapt_network(separator, EngineNetwork(run))
    return copied


@singledispatch
def _adapt_network(separator: Separator, network: nn.Module) -> nn.Module:
    return network


@_adapt_network.register
def _(separator: ComplexMaskSeparator, network: nn.Module) -> nn.Module:
    return ComplexAdapter(network)
