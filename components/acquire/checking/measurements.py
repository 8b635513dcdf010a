"""Measurements of a track: all its stems are decoded once, side by side, block by block."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from components.acquire.datasets.collection import SourceStem, SourceTrack
from components.core.base.errors import UserError
from components.core.data.manifest import MIXTURE
from components.core.sound.decoders.decoder import AudioInfo
from components.core.sound.decoding import Audio, describe_recording
from components.core.sound.errors import DamagedFile, DecodingError
from components.core.sound.resampling import convert_channels

BLOCK = 1 << 17
"""Samples per channel that a stem has in memory: 3 s at 44.1 kHz."""

FULL_SCALE = 0.9999
"""A sample this large counts as clipped: the largest 16-bit value is 0.99997, the one below it 0.99994."""


@dataclass(frozen=True)
class StemMeasurement:
    """Measurements of one stem over all its channels.

    peak       largest magnitude, 1 is full scale
    clipped    share of the samples at full scale
    error      why the stem could not be read to its end; empty when it could
    is_damaged whether that is because the file is cut or damaged
    """

    samples: int
    rate: int
    channels: int
    peak: float
    clipped: float
    is_finite: bool
    error: str = ""
    is_damaged: bool = False

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.rate if self.rate else 0.0


@dataclass(frozen=True)
class TrackMeasurement:
    """Measurements of all stems of a track, by name, and of their sum.

    residual_db    energy of the mixture minus the sum of the other stems, relative to the mixture
    rest_db        energy of the mixture minus the vocals, relative to the mixture

    Both are None where they cannot be computed.
    """

    stems: Mapping[str, StemMeasurement]
    residual_db: float | None
    rest_db: float | None


_UNREAD = AudioInfo(0, 0, "")


@dataclass
class _Meter:
    """Measures one stem while its blocks are read."""

    stem: SourceStem
    info: AudioInfo = _UNREAD
    samples: int = 0
    peak: float = 0.0
    clipped: int = 0
    is_finite: bool = True
    error: str = ""
    is_damaged: bool = False

    def blocks(self) -> Iterator[Audio]:
        """Yield the stem's blocks and measure them; a file that cannot be read ends early and sets `error`."""
        try:
            recording = describe_recording(self.stem.path, self.stem.stream)
            self.info = recording.info
            for block in recording.read_blocks(BLOCK):
                self._add(block)
                yield block
        except DecodingError as error:
            self.error, self.is_damaged = error.reason, isinstance(error, DamagedFile)
        # decoders raise any of these on damaged files
        except (UserError, OSError, RuntimeError, ValueError, KeyError, ZeroDivisionError) as error:
            self.error = str(error).splitlines()[0] if str(error) else type(error).__name__

    def _add(self, block: Audio) -> None:
        self.samples += block.shape[1]
        if not np.isfinite(block).all():
            self.is_finite = False
            return
        magnitude = np.abs(block)
        self.peak = max(self.peak, float(magnitude.max(initial=0.0)))
        self.clipped += int(np.count_nonzero(magnitude >= FULL_SCALE))

    def result(self) -> StemMeasurement:
        """Return the measurements of all blocks so far."""
        values = self.samples * self.info.channels
        return StemMeasurement(
            samples=self.samples,
            rate=self.info.rate,
            channels=self.info.channels,
            peak=self.peak,
            clipped=self.clipped / values if values else 0.0,
            is_finite=self.is_finite,
            error=self.error,
            is_damaged=self.is_damaged,
        )


def measure_track(track: SourceTrack) -> TrackMeasurement:
    """Decode every stem of `track` and measure it; a stem that cannot be read has its `error` in the result."""
    meters = [_Meter(stem) for stem in track.stems]
    names = [stem.stem for stem in track.stems]
    mixture_energy = residual = rest = 0.0
    for blocks in zip_longest(*(meter.blocks() for meter in meters)):
        by_name = {name: block for name, block in zip(names, blocks, strict=True) if block is not None}
        if MIXTURE not in names or not by_name:
            continue
        mixture, difference, remainder = _compare(by_name)
        mixture_energy += mixture
        residual += difference
        rest += remainder
    stems = {name: meter.result() for name, meter in zip(names, meters, strict=True)}
    comparable = len({stem.rate for stem in stems.values()}) == 1 and mixture_energy > 0
    has_parts = len(set(names) - {MIXTURE, "vocals"}) > 0
    return TrackMeasurement(
        stems,
        _decibels(residual / mixture_energy) if comparable and has_parts else None,
        _decibels(rest / mixture_energy) if comparable else None,
    )


def _compare(blocks: Mapping[str, Audio]) -> tuple[float, float, float]:
    """Return the energies of the mixture, of mixture minus all stems, and of mixture minus vocals, in these blocks."""
    length = max(block.shape[1] for block in blocks.values())
    channels = max(block.shape[0] for block in blocks.values())
    zeros = np.zeros((channels, length), np.float32)
    fitted = {
        name: np.pad(convert_channels(block, channels), ((0, 0), (0, length - block.shape[1])))
        for name, block in blocks.items()
    }
    mixture = fitted.pop(MIXTURE, zeros)
    total = sum(fitted.values(), start=zeros)
    rest = mixture - fitted.get("vocals", zeros)
    return _energy(mixture.ravel()), _energy((mixture - total).ravel()), _energy(rest.ravel())


def _energy(flat: Audio) -> float:
    # the sum of an hour of squares needs more than the 24 bits of a float32
    return float(np.sum(np.square(flat, dtype=np.float64)))


def _decibels(ratio: float) -> float:
    return float(10 * np.log10(max(ratio, 1e-20)))
