"""The interface of a decoder, and the properties that it finds in a file."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.sound.containers.container import Container, Part

Samples = NDArray[Any]


@dataclass(frozen=True)
class AudioInfo:
    """Properties of a recording.

    rate      sampling rate in Hz
    subtype   libsndfile's name of the sample format, or ffmpeg's name of the codec (`mp3`)
    streams   audio streams in the file
    mask      speakers of more than two channels, as in WAVE (dwChannelMask); 0 when the file does not say
    """

    rate: int
    channels: int
    subtype: str
    streams: int = 1
    mask: int = 0


@dataclass(frozen=True)
class DecoderInput:
    """Audio stream `stream` of a file; a decoder counts as stuck after `patience` seconds without output."""

    path: Path
    stream: int
    container: Container
    patience: float

    def dtype(self, wanted: str) -> str:
        """Return the type that samples are decoded to: FLAC to integers, others to `wanted`."""
        return "int32" if self.container.bits else wanted


class Decoder(ABC):
    """A program that decodes a file.

    info    properties of the recording
    exact   samples of each channel that it promises; 0 when it does not know
    """

    info: AudioInfo
    exact: int = 0

    @property
    @abstractmethod
    def version(self) -> str:
        """Its name and version, for provenance."""

    @abstractmethod
    def read_part(self, part: Part, frames: int, dtype: str) -> Generator[Samples, None, None]:
        """Yield the samples of `part` in blocks `(channels, frames)`, the last may be shorter; `dtype` of DecoderInput.

        Raises DecodingError, also after some blocks.
        """


def fitting_mask(mask: int, channels: int) -> int:
    """Return a mask that names each of more than two channels; 0 for any other."""
    return mask if channels > 2 and mask.bit_count() == channels else 0


def convert(samples: Samples, dtype: str) -> Samples:
    """Return samples as `dtype`: int32, left-justified, or floats of full scale ±1."""
    if samples.dtype == np.dtype(dtype):
        return samples
    if samples.dtype == np.int32:
        floats: Samples = samples.astype(dtype) * np.dtype(dtype).type(2.0**-31)
        return floats
    return samples.astype(dtype)
