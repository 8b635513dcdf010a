"""Hybrid Transformer Demucs (Rouard, Massa and Défossez, ICASSP 2023), the network of the `demucs` package.

It is Hybrid Demucs with a transformer in the middle, which attends across time, frequency and the two branches. The
weights have the package's names.
"""

from typing import Literal

from pydantic import Field, model_validator

from components.core.base.optional_packages import import_optional
from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.networks.base.separator import Separator
from components.core.networks.base.waveform import WaveformSeparator


class HTDemucsConfig(Section):
    """The defaults are the published values. `bottom` and `layers`: channels and layers of the transformer.

    With a `bottom` of 0 the transformer has the channels of the deepest level, as in the published htdemucs_6s.
    `window`: samples of an STFT frame.
    """

    name: Literal["htdemucs"] = "htdemucs"
    channels: int = Field(48, ge=8)
    depth: int = Field(4, gt=0)
    bottom: int = Field(512, ge=0, multiple_of=4)
    layers: int = Field(5, gt=0)
    heads: int = Field(8, gt=0)
    window: int = Field(4096, gt=0)
    segment: int = Field(343980, gt=0)

    @property
    def width(self) -> int:
        """Channels of the transformer."""
        return self.bottom or self.channels * int(2 ** (self.depth - 1))

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "HTDemucsConfig":
        if self.width % self.heads or self.width % 4:
            raise ValueError(
                f"bottom: the transformer's {self.width} channels are no multiple of 4 and {self.heads} heads"
            )
        return self

    @model_validator(mode="after")
    def _bins_are_left(self) -> "HTDemucsConfig":
        """Each level keeps a quarter of the bins, and some must be left for the transformer."""
        if self.window % (2 * 4**self.depth) or self.window <= 4 ** (self.depth + 1):
            raise ValueError(
                f"window: with a depth of {self.depth} a multiple of {2 * 4**self.depth} above {4 ** (self.depth + 1)}"
            )
        return self


class HTDemucsSeparator(WaveformSeparator):
    """The network, which normalises by itself."""

    def padded_length(self, samples: int) -> int:
        """Return at least a few frames: the STFT reflects the edges."""
        return max(samples, _MIN_SAMPLES)


_MIN_SAMPLES = 16384


def build_htdemucs(config: HTDemucsConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`; raises UserError without the package `demucs`."""
    network = import_optional("demucs.htdemucs", "demucs", "htdemucs").HTDemucs(
        sources=[str(stem) for stem in range(stems)], audio_channels=channels, channels=config.channels,
        depth=config.depth, bottom_channels=config.bottom, t_layers=config.layers, t_heads=config.heads,
        nfft=config.window, dconv_mode=3,
        use_train_segment=False,  # True pads every input to one length and refuses longer ones
    )  # fmt: skip
    return HTDemucsSeparator(network, config.segment)


ARCHITECTURE = Architecture(
    title="Hybrid Transformer Demucs",
    family="hybrid",
    source="Rouard, Massa and Défossez, ICASSP 2023",
    config=HTDemucsConfig,
    build=build_htdemucs,
    packages=("demucs",),
    small={"channels": 8, "bottom": 32, "layers": 2, "heads": 2, "window": 2048, "segment": 132300},
)
