"""Hybrid Demucs, the third version (Défossez, MDX workshop 2021), the network of torchaudio.

A U-Net on the spectrogram and one on the samples meet in the middle, with attention and BLSTMs in the deepest levels.
The weights have torchaudio's names.
"""

from typing import Literal

from pydantic import Field, model_validator
from torch import nn

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.networks.base.separator import Separator
from components.core.networks.base.waveform import WaveformSeparator
from components.core.sound.torchaudio_compat import torchaudio

_MEETING_LEVELS = {256: 3, 1024: 4, 2048: 5, 4096: 5, 16384: 6}
"""The possible STFT windows, and the level at which one bin is left and both branches have equally many steps."""


class HDemucsConfig(Section):
    """The defaults are the published values (`hdemucs_high` of torchaudio); `window`: samples of an STFT frame."""

    name: Literal["hdemucs"] = "hdemucs"
    channels: int = Field(48, gt=0, multiple_of=4)
    depth: int = Field(6, gt=0)
    window: int = Field(4096, gt=0)
    segment: int = Field(441000, gt=0)

    @model_validator(mode="after")
    def _branches_meet(self) -> "HDemucsConfig":
        if self.window not in _MEETING_LEVELS:
            raise ValueError(
                f"window: expected one of {', '.join(map(str, _MEETING_LEVELS))}, for which the two branches meet"
            )
        if self.depth < _MEETING_LEVELS[self.window]:
            raise ValueError(f"depth: with a window of {self.window} at least {_MEETING_LEVELS[self.window]}")
        return self


class HDemucsSeparator(WaveformSeparator):
    """The network on lengths that it accepts."""

    def padded_length(self, samples: int) -> int:
        """Return at least a few frames: the STFT reflects the edges."""
        return max(samples, _MIN_SAMPLES)


_MIN_SAMPLES = 16384


def build_hdemucs(config: HDemucsConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    network = torchaudio.models.HDemucs(
        sources=[str(stem) for stem in range(stems)], audio_channels=channels, channels=config.channels,
        nfft=config.window, depth=config.depth,
    )  # fmt: skip
    _freeze_unused_norm(network)
    return HDemucsSeparator(network, config.segment, "standardised")


def _freeze_unused_norm(network: nn.Module) -> None:
    """Freeze a norm that torchaudio makes and never calls: distributed training needs a gradient of every weight."""
    for level in network.get_submodule("time_encoder").children():
        if level.empty:
            level.get_submodule("norm1").requires_grad_(False)


ARCHITECTURE = Architecture(
    title="Hybrid Demucs",
    family="hybrid",
    source="Défossez, MDX workshop 2021",
    config=HDemucsConfig,
    build=build_hdemucs,
    small={"channels": 8, "depth": 5, "window": 1024, "segment": 132300},
)
