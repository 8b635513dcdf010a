"""What the stems of a track really hold, measured by decoding them once, side by side, in bounded memory."""

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
"""Samples a channel that are in memory of each stem: 3 s at 44.1 kHz."""

FULL_SCALE = 0.9999
"""From here on a sample counts as clipped: the largest 16-bit value is 0.99997, and one step below it 0.99994."""

# Containers whose header states a length to rely on. An mp3 without one is estimated from its bit rate.
_EXACT_CONTAINERS = frozenset({".mp4", ".m4a"})
_ESTIMATED_SUBTYPES = frozenset({"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"})
# libsndfile's log of a WAV or AIFF that is shorter than its header says
_SHORT_CHUNK = re.compile(r"(?:data|SSND)\s*: (\d+) \(should be (\d+)\)")
# What programs write as length when they cannot go back to the header (a pipe).
_UNKNOWN_LENGTH = 0x7FFF0000


@dataclass(frozen=True)
class StemFacts:
    """One stem, measured. `peak` and `energy` (sum of squares) over all channels, `clipped` a share of the samples.

    `missing` is the share of the file that its own header promises but that is not there; `error` is empty when the
    stem could be read to its end.
    """

    samples: int
    rate: int
    channels: int
    peak: float
    energy: float
    clipped: float
    is_finite: bool
    missing: float
    error: str = ""

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.rate if self.rate else 0.0


@dataclass(frozen=True)
class TrackFacts:
    """All stems of a track by name, and sums over them.

    `residual_db` is the energy of mixture less sum of stems, relative to the mixture; `rest_db` that of mixture less
    vocals (both None where it cannot be told).
    """

    stems: Mapping[str, StemFacts]
    residual_db: float | None
    rest_db: float | None


@dataclass
class _Meter:
    """Adds up what passes of one stem."""

    stem: SourceStem
    info: decoding.AudioInfo = field(default_factory=lambda: decoding.AudioInfo(0, 0, ""))
    samples: int = 0
    peak: float = 0.0
    energy: float = 0.0
    clipped: int = 0
    is_finite: bool = True
    error: str = ""

    def blocks(self) -> Iterator[Audio]:
        """Yield the stem's blocks, measuring; a file that cannot be read ends early and leaves its error."""
        try:
            self.info = decoding.probe(self.stem.path, self.stem.stream)
            for block in decoding.read_blocks(self.stem.path, BLOCK, self.stem.stream):
                self._add(block)
                yield block
        # whatever a decoder makes of rubbish; a mistake of ours would show in the tests
        except (UserError, OSError, RuntimeError, ValueError, KeyError, ZeroDivisionError) as error:
            self.error = str(error).splitlines()[0] if str(error) else type(error).__name__

    def _add(self, block: Audio) -> None:
        self.samples += block.shape[1]
        if not np.isfinite(block).all():
            self.is_finite = False
            return
        flat = block.ravel()
        magnitude = np.abs(flat)
        self.peak = max(self.peak, float(magnitude.max(initial=0.0)))
        self.energy += _energy(flat)
        self.clipped += int(np.count_nonzero(magnitude >= FULL_SCALE))

    def facts(self) -> StemFacts:
        """Return what was measured."""
        values = self.samples * self.info.channels
        return StemFacts(
            samples=self.samples,
            rate=self.info.rate,
            channels=self.info.channels,
            peak=self.peak,
            energy=self.energy,
            clipped=self.clipped / values if values else 0.0,
            is_finite=self.is_finite,
            missing=0.0 if self.error else _missing(self.stem, self.samples, self.info.rate),
            error=self.error,
        )


def measure(track: SourceTrack) -> TrackFacts:
    """Decode every stem of `track` and measure it; what cannot be read is part of the result, not an exception."""
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
    facts = {name: meter.facts() for name, meter in zip(names, meters, strict=True)}
    comparable = len({stem.rate for stem in facts.values()}) == 1 and mixture_energy > 0
    has_parts = len(set(names) - {MIXTURE, "vocals"}) > 0
    return TrackFacts(
        facts,
        _decibels(residual / mixture_energy) if comparable and has_parts else None,
        _decibels(rest / mixture_energy) if comparable else None,
    )


def _compare(blocks: Mapping[str, Audio]) -> tuple[float, float, float]:
    """Return the energies of the mixture, of mixture less all stems, and of mixture less vocals, in these blocks."""
    length = max(block.shape[1] for block in blocks.values())
    channels = max(block.shape[0] for block in blocks.values())
    zeros = np.zeros((channels, length), np.float32)
    fitted = {
        name: np.pad(decoding.to_channels(block, channels), ((0, 0), (0, length - block.shape[1])))
        for name, block in blocks.items()
    }
    mixture = fitted.pop(MIXTURE, zeros)
    total = sum(fitted.values(), start=zeros)
    rest = mixture - fitted.get("vocals", zeros)
    return _energy(mixture.ravel()), _energy((mixture - total).ravel()), _energy(rest.ravel())


def _missing(stem: SourceStem, samples: int, rate: int) -> float:
    """Return which share of the samples that the file's header promises cannot be read."""
    promised = _promised_by_libsndfile(stem.path, samples) if stem.stream == 0 else None
    if promised is None and stem.path.suffix.lower() in _EXACT_CONTAINERS:
        duration = ffmpeg.probe_streams(stem.path)[stem.stream].get("duration", 0.0)
        promised = float(duration) * rate
    return max(0.0, 1 - samples / promised) if promised else 0.0


def _promised_by_libsndfile(path: Path, samples: int) -> float | None:
    try:
        with soundfile.SoundFile(path) as file:
            if match := _SHORT_CHUNK.search(file.extra_info):
                stated, real = int(match[1]), int(match[2])
                return samples * stated / real if real < stated < _UNKNOWN_LENGTH and real else float(samples)
            return float(samples if file.subtype in _ESTIMATED_SUBTYPES else file.frames)
    except soundfile.LibsndfileError:
        return None


def _energy(flat: Audio) -> float:
    # float64: the squares of an hour of music do not fit into a float32's 24 bits
    return float(np.sum(np.square(flat, dtype=np.float64)))


def _decibels(ratio: float) -> float:
    return float(10 * np.log10(max(ratio, 1e-20)))
