"""Stems as files: the container and the samples that hold them without a loss, and the writing itself.

All formats are lossless, since stems must add up to the recording. Where the format that is asked for can't hold a
recording, its stems are WAV files, and the reason is said.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import soundfile

from components.core.base.errors import UserError
from components.core.sound.decoding import AudioInfo
from components.separate.recording.quantisation import Encoding, Samples, encoding_for

_ROOM = 1 << 25
"""Bytes that are left for a file's header and tags where its size is limited."""

_FLAC_LEVEL = 5 / 8
"""FLAC's own default. Measured on vocals and mixtures of musdb18-7's test tracks, in 24 bits and stereo: level 5 takes
2.0 and 1.8 ms a second of sound for 64 and 76 % of a WAV's bytes; 7 takes 4.4 and 4.1 ms for 62 and 74 %; 8 takes 8.7
and 8.2 ms for the bytes of 7; 0 takes 1.7 and 1.3 ms for 72 and 80 %."""

_FINE = frozenset({"FLOAT", "DOUBLE", "wavpack", "pcm_s32le", "pcm_s32be"})
"""Subtypes decoded to floats whose samples may have more than 24 bits."""

_ADD_PEAK_CHUNK = 0x1050
"""libsndfile's SFC_SET_ADD_PEAK_CHUNK, which its Python package has no name for."""


@dataclass(frozen=True)
class Output:
    """How stems are written: a file's suffix (with its dot), libsndfile's container, and the samples.

    `reason` says why it is not the format that was asked for; it is empty where it is.
    """

    suffix: str
    container: str
    encoding: Encoding
    reason: str = ""


@dataclass(frozen=True)
class _Recording:
    """What the choice depends on; `encoding` is that of the stems in the format that is considered."""

    info: AudioInfo
    peak: float
    samples: int
    encoding: Encoding

    @property
    def is_rounded(self) -> bool:
        """Whether its floats are to become integers."""
        return self.encoding.bits > 0 and encoding_for(self.info.subtype).bits == 0

    @property
    def size(self) -> int:
        """Bytes of a stem's samples, uncompressed."""
        bits = self.encoding.bits or {"FLOAT": 32, "DOUBLE": 64}[self.encoding.subtype]
        return self.samples * self.info.channels * bits // 8


@dataclass(frozen=True)
class Format:
    """A format of stems: names, how it holds samples of a subtype, and what it refuses, each refusal a reason or ''."""

    suffix: str
    container: str
    encoding: Callable[[str], Encoding] = encoding_for
    refusals: tuple[Callable[[_Recording], str], ...] = ()

    def refusal(self, recording: _Recording) -> str:
        """Return why it can't hold the stems of `recording`, in words; nothing where it can."""
        return next((reason for refuse in self.refusals if (reason := refuse(recording))), "")


def _flac_encoding(subtype: str) -> Encoding:
    """24 bits for what a decoder made: far finer than what a lossy code has left, and as much as ALAC has as a rule."""
    encoding = encoding_for(subtype)
    return encoding if encoding.bits or subtype in _FINE else encoding_for("PCM_24")


def _not_in_flac(recording: _Recording) -> str:
    if recording.encoding.bits == 0:
        return "flac holds no floating-point samples"
    return "flac holds no samples of more than 24 bits" if recording.encoding.bits > 24 else ""


def _above_full_scale(recording: _Recording) -> str:
    loud = recording.is_rounded and recording.peak > 1.0
    return f"flac holds no peaks above full scale, and its highest is {recording.peak:.7g}" if loud else ""


def _too_many_channels_for_flac(recording: _Recording) -> str:
    return "flac holds no more than 8 channels" if recording.info.channels > 8 else ""


def _no_rate_of_flac(recording: _Recording) -> str:
    """A frame's header has Hz up to 16 bits, or tens of Hz (RFC 9639, 9.1.2), and libsndfile writes no others."""
    rate = recording.info.rate
    fits = rate < 1 << 16 or (rate % 10 == 0 and rate <= 655_350)
    return "" if fits else f"flac frames hold no rate of {rate} Hz"


def _nothing_for_flac(recording: _Recording) -> str:
    """Of no samples libsndfile writes no flac at all, not even a header."""
    return "" if recording.samples else "flac files hold at least one sample"


def _too_long_for_aiff(recording: _Recording) -> str:
    """Its sizes are signed numbers of 32 bits (Audio Interchange File Format 1.3, Apple, 1989)."""
    return "aiff holds no more than 2 GB" if recording.size > (1 << 31) - _ROOM else ""


def _too_long_for_wav(recording: _Recording) -> str:
    return "wav holds no more than 4 GB, RF64 does" if recording.size > (1 << 32) - _ROOM else ""


_FLAC_REFUSALS = (
    _not_in_flac,
    _above_full_scale,
    _too_many_channels_for_flac,
    _no_rate_of_flac,
    _nothing_for_flac,
)
_RF64 = Format(".wav", "RF64")

FORMATS: Mapping[str, Format] = {
    "wav": Format(".wav", "WAV", refusals=(_too_long_for_wav,)),
    "flac": Format(".flac", "FLAC", _flac_encoding, _FLAC_REFUSALS),
    "aiff": Format(".aiff", "AIFF", refusals=(_too_long_for_aiff,)),
    "caf": Format(".caf", "CAF"),
}


def choose_output(info: AudioInfo, peak: float, samples: int, format: str) -> Output:
    """Choose how the stems of a recording of `samples` a channel are written; `peak` is of its absolute samples.

    `format` is one of FORMATS; stems that it can't hold are WAV, or RF64 (EBU Tech 3306) where that is too short. The
    samples have at least the bits of the recording's. Raises UserError for a format that is none.
    """
    if format not in FORMATS:
        raise UserError(f"there is no format {format!r} for stems: take one of {', '.join(FORMATS)}")
    reasons: list[str] = []
    for candidate in (FORMATS[format], FORMATS["wav"]):
        encoding = candidate.encoding(info.subtype)
        reason = candidate.refusal(_Recording(info, peak, samples, encoding))
        if not reason:
            return Output(candidate.suffix, candidate.container, encoding, "; ".join(reasons))
        if reason not in reasons:
            reasons.append(reason)
    return Output(_RF64.suffix, _RF64.container, _RF64.encoding(info.subtype), "; ".join(reasons))


class StemWriter:
    """A stem's file while it is written, block by block; the same samples give the same bytes at any time.

    Raises OSError when the file can't be written, with the likely reason.
    """

    def __init__(self, path: Path, output: Output, rate: int, channels: int) -> None:
        """Open `path` for samples of `channels` at `rate` Hz."""
        self._path = path
        level = _FLAC_LEVEL if output.container == "FLAC" else None
        with _said_as_oserror(path):
            self._file = soundfile.SoundFile(
                path, "w", rate, channels, output.encoding.subtype, format=output.container, compression_level=level
            )
        _leave_out_the_time(self._file)

    def write(self, block: Samples) -> None:
        """Append `(channels, n)`: a stem of what `add_up` returns."""
        with _said_as_oserror(self._path):
            self._file.write(np.ascontiguousarray(block.T))

    def close(self) -> None:
        """Write what is held back, and the final header."""
        with _said_as_oserror(self._path):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _leave_out_the_time(file: Any) -> None:
    """Write no PEAK chunk, in which libsndfile says when it was made.

    Only where there is one: for RF64, which has none, the same command would add it.
    """
    if file.format in ("WAV", "AIFF") and file.subtype in ("FLOAT", "DOUBLE"):
        soundfile._snd.sf_command(file._file, _ADD_PEAK_CHUNK, soundfile._ffi.NULL, soundfile._snd.SF_FALSE)
        file.truncate(0)  # the end of the longer header that was there before


@contextmanager
def _said_as_oserror(path: Path) -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:  # it has lost the system's error number
        raise OSError(f"{path} cannot be written ({error}): is the disk full?") from None
