"""The inspection of a recording: one pass over it before the network gets it, so that a bad one costs little time.

A recording that is refused here is refused for good, with the reason. A fault that may pass (a failing or full disk, a
missing tool) is raised as it is.
"""

import hashlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.sound.decoders.decoder import AudioInfo
from components.core.sound.decoding import Recording, describe_recording
from components.core.sound.errors import DamagedFile, DecodingError
from components.separate.config import Limits
from components.separate.recording.quantisation import encoding_for

BLOCK = 1 << 16
"""Samples a channel that are in memory at once."""

_CHANNELS = range(1, 33)
_RATES = range(1_000, 768_001)
_LEAST_BOMB = 1 << 26  # decoded bytes; a smaller bomb does no harm
_LOUDEST = 2.0**32  # floats that hold plain integers reach 2**31; larger ones would overflow when squared
_PLAYLISTS = (b"#extm3u", b"[playlist]", b"[reference]", b"ffconcat", b"<?xml", b"<mpd", b"<smil", b"<asx", b"v=0")


class Unfit(UserError):  # noqa: N818 (a finding about a recording)
    """A recording that can never be separated; the message is the reason, without the recording's name."""


@dataclass(frozen=True)
class Inspection:
    """The findings about a recording.

    recording  its description for decoding
    samples  decoded samples of each channel
    peak     largest magnitude; floats may exceed 1
    bits     bits of an integer sample that are used, without low bits that are always zero; 0 for floats
    digest   SHA-256, in hex, of the decoded samples, channels interleaved, each an int32 (left-justified), float64 or
             float32: it stays the same when only the tags change
    """

    recording: Recording
    samples: int
    peak: float
    bits: int
    digest: str

    @property
    def info(self) -> AudioInfo:
        """Its rate, channels and sample format."""
        return self.recording.info


def inspect(path: Path, limits: Limits) -> Inspection:
    """Probe and decode `path` once, in blocks; raises Unfit when it can't be separated, OSError for a failing disk."""
    _require_recording(path)
    try:
        return _decode(describe_recording(path, patience=limits.decoder_seconds), limits)
    except DecodingError as error:
        # libsndfile takes a failing disk for the end of the file
        _require_disk(path)
        reason = error.reason if isinstance(error, DamagedFile) else f"not readable audio: {error.reason}"
        raise Unfit(reason) from None


def _require_recording(path: Path) -> None:
    status = path.stat()
    if not S_ISREG(status.st_mode):
        raise Unfit("it is a folder, not a file" if S_ISDIR(status.st_mode) else "it is not a file")
    if status.st_size == 0:
        raise Unfit("it is empty: a file of 0 bytes")
    with path.open("rb") as file:
        if file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PLAYLISTS):
            raise Unfit("it is a playlist or a manifest, not a recording")


def _require_disk(path: Path) -> None:
    """Raise OSError if `path` can't be read to its end."""
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def _decode(recording: Recording, limits: Limits) -> Inspection:
    _require_supported(recording.info)
    bounds = _Bounds(recording.info, recording.path.stat().st_size, limits)
    bounds.check_length(recording.promised)
    meter = _Meter(recording)
    with closing(recording.read_blocks(BLOCK, _choose_dtype(recording.info))) as blocks:
        for block in blocks:
            meter.add(block)
            bounds.check(meter.samples)
    return meter.result()


def _choose_dtype(info: AudioInfo) -> str:
    if encoding_for(info.subtype).bits:
        return "int32"
    return "float64" if info.subtype == "DOUBLE" else "float32"


def _require_supported(info: AudioInfo) -> None:
    if info.channels not in _CHANNELS:
        raise Unfit(f"its header says {info.channels} channels; {_CHANNELS[0]} to {_CHANNELS[-1]} can be separated")
    if info.rate not in _RATES:
        raise Unfit(f"its header says {info.rate:,} Hz; {_RATES[0]:,} to {_RATES[-1]:,} can be separated")


@dataclass(frozen=True)
class _Bounds:
    """The limits on what a file of `size` bytes decodes to."""

    info: AudioInfo
    size: int
    limits: Limits

    def check(self, samples: int) -> None:
        """Raise Unfit when the file decodes to too many samples per channel."""
        self.check_length(samples)
        decoded = samples * self.info.channels * 2
        if decoded > max(_LEAST_BOMB, self.limits.expansion * self.size):
            raise Unfit(
                f"decompression bomb: {self.size:,} bytes decode to more than {decoded:,}, as samples of 16 bits "
                f"(separate.limits.expansion: {self.limits.expansion:g})"
            )

    def check_length(self, samples: int) -> None:
        """Raise Unfit when so many samples per channel last too long."""
        if samples > self.limits.hours * 3600 * self.info.rate:
            raise Unfit(f"longer than {self.limits.hours:g} hours (separate.limits.hours)")


class _Meter:
    """Measures blocks of samples."""

    def __init__(self, recording: Recording) -> None:
        self._recording, self.samples, self._peak, self._used_bits = recording, 0, 0.0, 0
        self._digest = hashlib.sha256()

    def add(self, block: NDArray[Any]) -> None:
        """Add samples `(channels, any)`, int32 or floats; raises Unfit when one is NaN, infinite or far too large."""
        lowest, highest = block.min(initial=0).item(), block.max(initial=0).item()
        peak = max(-lowest, highest) / (2**31 if block.dtype == np.int32 else 1)
        if not peak <= _LOUDEST:  # NaN is neither above nor below
            second = self.samples / self._recording.info.rate
            raise Unfit(
                f"not finite: after {second:,.1f} s it has samples that are NaN, infinite or far beyond full scale"
            )
        if block.dtype == np.int32:
            self._used_bits |= int(np.bitwise_or.reduce(block, axis=None))
        self._peak = max(self._peak, peak)
        self._digest.update(np.ascontiguousarray(block.T).data)
        self.samples += block.shape[1]

    def result(self) -> Inspection:
        """Return the findings; raises Unfit for a recording without samples, or a silent one."""
        if self.samples == 0:
            raise Unfit("it has no samples")
        if self._peak == 0:
            raise Unfit("silent: all its samples are zero")
        unused = (self._used_bits & -self._used_bits).bit_length() - 1
        bits = 32 - unused if self._used_bits else 0
        return Inspection(self._recording, self.samples, self._peak, bits, self._digest.hexdigest())
