"""Architectures of other projects, with their published sizes and random weights, cut into our segments."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from components.core.networks.base.separator import Separator
from components.core.sound.torchaudio_compat import torchaudio

SOURCES = ["drums", "bass", "other", "vocals"]
RATE = 44100


class MissingPackageError(Exception):
    """A package is not installed; the message says which."""


@dataclass(frozen=True)
class Other:
    """The function that builds the separator, and the overlap of segments that its authors use."""

    build: Callable[[], Separator]
    overlap: float


class OtherSeparator(Separator):
    """A module of another project that turns `(batch, 2, samples)` into `(batch, stems, 2, samples)`."""

    def __init__(self, network: nn.Module, seconds: float) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.segment = round(seconds * RATE)

    def estimates(self, mixture: Tensor) -> Tensor:
        """Return the output of the module."""
        stems: Tensor = self.network(mixture)
        return stems


def _open_unmix() -> Separator:
    """Two stems, the output of the vocals' network and the remainder; as `umxhq`, without the Wiener filter."""
    model = _imported("openunmix.model", "openunmix")
    network = model.OpenUnmix(nb_bins=2049, nb_channels=2, hidden_size=512, max_bin=1487)
    # its LSTMs see a whole song; half a minute takes as long for each second of music
    return OtherSeparator(model.Separator({"vocals": network}, niter=0, residual=True), 30.0)


def _hdemucs() -> Separator:
    """Hybrid Demucs (Défossez, 2021), four stems at once, as torchaudio has it."""
    return OtherSeparator(torchaudio.models.hdemucs_high(SOURCES), 10.0)


def _htdemucs() -> Separator:
    """Hybrid Transformer Demucs (Rouard et al., ICASSP 2023), four stems at once, with the published sizes."""
    model = _imported("demucs.htdemucs", "demucs")
    network = model.HTDemucs(SOURCES, segment=7.8, bottom_channels=512, dconv_mode=3, t_layers=5)
    return OtherSeparator(network, 7.8)


def _imported(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingPackageError(f"the package {package} is not installed") from None


OTHERS = {
    "Open-Unmix (umxhq), vocals and rest": Other(_open_unmix, 0.0),
    "Hybrid Demucs, 4 stems": Other(_hdemucs, 0.25),
    "Hybrid Transformer Demucs, 4 stems": Other(_htdemucs, 0.25),
}
