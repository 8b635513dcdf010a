"""Measurements of a track: all its stems are decoded once, side by side, block by block."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np
import soundfile

from components.acquire.datasets.collection import SourceStem, SourceTrack
from components.core.base.errors import UserError
from components.core.data.manifest import MIXTURE
from components.core.sound import decoding, ffmpeg
from components.core.sound.decoding import Audio

BLOCK = 1 << 17
"""Samples per channel that a stem has in memory: 3 s at 44.1 kHz."""

FULL_SCALE = 0.9999
"""A sample this large counts as clipped: the largest 16-bit value is 0.99997, the one below it 0.99994."""

# Containers whose header states an exact length; the length of an mp3 may be an estimate from its bit rate.
_EXACT_CONTAINERS = frozenset({".mp4", ".m4a"})
_ESTIMATED_SUBTYPES = frozenset({"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"})
# libsndfile's log of a WAV or AIFF that is shorter than its header says
_SHORT_CHUNK = re.compile(r"(?:data|SSND)\s*: (\d+) \(should be (\d+)\)")
# The length that programs write when they cannot go back to the header (a pipe).
_UNKNOWN_LENGTH = 0x7FFF0000


@dataclass(frozen=True)
class StemMeasurement:
    """Measurements of one stem over all its channels.

    peak       largest magnitude, 1 is full scale
    clipped    share of the samples at full scale
    missing    share of the samples that the file's header states but the file lacks
    error      why the stem could not be read to its end; empty when it could
    """

    samples: int
    rate: int
    channels: int
    peak: float
    clipped: float
    is_finite: bool
    missing: float
    error: str = ""

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


@dataclass
class _Meter:
    """Measures one stem while its blocks are read."""

    stem: SourceStem
    info: decoding.AudioInfo = field(default_factory=lambda: decoding.AudioInfo(0, 0, ""))
    samples: int = 0
    peak: float = 0.0
    clipped: int = 0
    is_finite: bool = True
    error: str = ""

    def blocks(self) -> Iterator[Audio]:
        """Yield the stem's blocks and measure them; a file that cannot be read ends early and sets `error`."""
        try:
            self.info = decoding.probe(self.stem.path, self.stem.stream)
            for block in decoding.read_blocks(self.stem.path, BLOCK, self.stem.stream):
                self._add(block)
                yield block
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
            missing=0.0 if self.error else _missing_share(self.stem, self.samples, self.info.rate),
            error=self.error,
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
        name: np.pad(decoding.convert_channels(block, channels), ((0, 0), (0, length - block.shape[1])))
        for name, block in blocks.items()
    }
    mixture = fitted.pop(MIXTURE, zeros)
    total = sum(fitted.values(), start=zeros)
    rest = mixture - fitted.get("vocals", zeros)
    return _energy(mixture.ravel()), _energy((mixture - total).ravel()), _energy(rest.ravel())


def _missing_share(stem: SourceStem, samples: int, rate: int) -> float:
    """Return the share of the samples that the file's header states but that cannot be read."""
    stated = _samples_stated_by_header(stem.path, samples) if stem.stream == 0 else None
    if stated is None and stem.path.suffix.lower() in _EXACT_CONTAINERS:
        duration = ffmpeg.probe_streams(stem.path)[stem.stream].get("duration", 0.0)
        stated = float(duration) * rate
    return max(0.0, 1 - samples / stated) if stated else 0.0


def _samples_stated_by_header(path: Path, samples: int) -> float | None:
    """Return the samples per channel that the header states; None where libsndfile cannot read the file."""
    try:
        with soundfile.SoundFile(path) as file:
            if match := _SHORT_CHUNK.search(file.extra_info):
                stated, real = int(match[1]), int(match[2])
                return samples * stated / real if real < stated < _UNKNOWN_LENGTH and real else float(samples)
            return float(samples if file.subtype in _ESTIMATED_SUBTYPES else file.frames)
    except soundfile.LibsndfileError:
        return None


def _energy(flat: Audio) -> float:
    # the sum of an hour of squares needs more than the 24 bits of a float32
    return float(np.sum(np.square(flat, dtype=np.float64)))


def _decibels(ratio: float) -> float:
    return float(10 * np.log10(max(ratio, 1e-20)))
