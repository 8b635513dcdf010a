"""An ONNX file: its parameters and description; the network is in `components.core.networks.onnx`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.core.base.params import Section
from components.core.networks.base.architecture import Architecture
from components.core.networks.base.option_names import LevelName, SharesName
from components.core.sound.stft_config import StftConfig


class WaveformInterface(Section):
    """Samples `(1, channels, segment + context)` to stems `(1, stems, channels, segment)`.

    Half of the `context` lies on either side of the segment. `level`: how the input is scaled.
    """

    kind: Literal["waveform"] = "waveform"
    segment: int = Field(gt=0)
    context: int = Field(0, ge=0)
    level: LevelName = "as-is"


class _SpectrumInterface(Section):
    """`frames` of the lowest `bins` of an STFT."""

    stft: StftConfig = StftConfig()
    bins: int = Field(gt=0)
    frames: int = Field(gt=1)

    @model_validator(mode="after")
    def _bins_exist(self) -> Self:
        self.stft.require_bins(self.bins)
        return self


class MaskInterface(_SpectrumInterface):
    """Magnitudes `(1, channels, bins, frames)` to masks `(1, stems, channels, bins, frames)`.

    `shares` says how masks become shares of the mixture.
    """

    kind: Literal["magnitude-mask"] = "magnitude-mask"
    shares: SharesName = "of-masks"


class ComplexMaskInterface(_SpectrumInterface):
    """Spectra `(1, channels, bins, frames, 2)` to masks `(1, stems, channels, bins, frames, 2)`.

    The last axis holds the real and the imaginary part.
    """

    kind: Literal["complex-mask"] = "complex-mask"


class SpectrumInterface(_SpectrumInterface):
    """Spectra `(1, 2 * channels, bins, frames)` to the spectrum of one stem in the same shape.

    The real and the imaginary part of each channel follow one another. The lowest three bins are silent in the input.
    `gain` is the factor of the stem. `above` says which stem gets the bins above those of the file: the file's own,
    as an accompaniment wants them, or the remainder of the mixture.
    """

    kind: Literal["spectrum"] = "spectrum"
    gain: float = Field(1.0, gt=0)
    above: Literal["stem", "remainder"] = "remainder"


class OnnxConfig(Section):
    """An ONNX file of `size` bytes, with one input and one output, both float32, in the shapes of `interface`."""

    name: Literal["onnx"] = "onnx"
    size: int = Field(gt=0)
    interface: WaveformInterface | MaskInterface | ComplexMaskInterface | SpectrumInterface = Field(
        discriminator="kind"
    )


ARCHITECTURE = Architecture(
    title="ONNX file",
    family="waveform",
    source="whoever trained it",
    config=OnnxConfig,
    packages=("onnxruntime",),
    trainable=False,
    any_level=False,
)
