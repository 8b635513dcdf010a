"""Hybrid Demucs, the third version (Défossez, MDX workshop 2021), the network of torchaudio.

A U-Net on the spectrogram and one on the samples that meet in the middle, with attention and BLSTMs in the deepest
levels.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor

from components.core.networks.architecture import Architecture
from components.core.networks.separator import Separator
from components.core.networks.waveform import WaveformSeparator
from components.core.params import Section
from components.core.torchaudio_compat import torchaudio


class HDemucsConfig(Section):
    """The published values are the defaults (`hdemucs_high` of torchaudio); `window`: samples of an STFT frame."""

    name: Literal["hdemucs"] = "hdemucs"
    channels: int = Field(48, gt=0, multiple_of=4)
    depth: int = Field(6, gt=0)
    window: int = Field(4096, gt=0)
    segment: int = Field(441000, gt=0)


class HDemucsSeparator(WaveformSeparator):
    """The network around the mixture made zero mean and unit variance, as its authors do it."""

    def length(self, samples: int) -> int:
        """Return at least a few frames: edges are reflected."""
        return max(samples, _FEWEST)

    def estimates(self, mixture: Tensor) -> Tensor:
        """Normalise by the mean of the channels, separate, and go back."""
        mono = mixture.mean(dim=1, keepdim=True)
        mean = mono.mean(dim=-1, keepdim=True)
        deviation = (mono - mean).square().mean(dim=-1, keepdim=True).sqrt() + _SILENCE
        stems = super().estimates((mixture - mean) / deviation)
        return stems * deviation.unsqueeze(1) + mean.unsqueeze(1)


_FEWEST = 16384
_SILENCE = 1e-5


def build_hdemucs(config: HDemucsConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    network = torchaudio.models.HDemucs(
        sources=[str(stem) for stem in range(stems)], audio_channels=channels, channels=config.channels,
        nfft=config.window, depth=config.depth,
    )  # fmt: skip
    return HDemucsSeparator(network, config.segment)


ARCHITECTURE = Architecture(
    title="Hybrid Demucs",
    family="hybrid",
    source="Défossez, MDX workshop 2021",
    config=HDemucsConfig,
    build=build_hdemucs,
    small={"channels": 8, "depth": 5, "window": 1024, "segment": 132300},
)
