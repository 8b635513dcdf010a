"""The files of stems: which container and sample format they get, and how they are written.

All formats are lossless, because stems must add up to the recording. When the chosen format can't hold a recording, its
stems become WAV files, and the reason is recorded.
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
from components.core.sound.decoders.decoder import AudioInfo
from components.separate.recording.quantisation import Encoding, Samples, encoding_for
from components.separate.recording.speaker_layout import MASKED, set_mask, write_layout

_ROOM = 1 << 25
"""Bytes that are kept free for header and tags in a container of limited size."""

_FLAC_LEVEL = 5 / 8
"""FLAC's own default. Measured on vocals and mixtures of musdb18-7's test tracks, in 24 bits and stereo: level 5 takes
2.0 and 1.8 ms per second of sound for 64 and 76 % of a WAV's bytes; 7 takes 4.4 and 4.1 ms for 62 and 74 %; 8 takes 8.7
and 8.2 ms for the bytes of 7; 0 takes 1.7 and 1.3 ms for 72 and 80 %."""

_FINE = frozenset({"FLOAT", "DOUBLE", "wavpack", "pcm_s32le", "pcm_s32be"})
"""Subtypes that are decoded to floats and may have more than 24 bits a sample."""

_ADD_PEAK_CHUNK = 0x1050
"""libsndfile's command SFC_SET_ADD_PEAK_CHUNK; its Python package has no name for it."""


@dataclass(frozen=True)
class OutputFormat:
    """The format of a recording's stems: the file's suffix with its dot, libsndfile's container, and the encoding.

    `reason` says why it is not the chosen format; it is empty when it is. `mask` names the speakers of more than two
    channels, as in WAVE (dwChannelMask); 0: they are not known.
    """

    suffix: str
    container: str
    encoding: Encoding
    reason: str = ""
    mask: int = 0

    @property
    def form(self) -> str:
        """libsndfile's name of the container, in a form that holds the mask."""
        return MASKED.get(self.container, self.container) if self.mask else self.container


@dataclass(frozen=True)
class _Recording:
    """The properties of a recording that decide the format of its stems; `encoding` is the one that is tried."""

    info: AudioInfo
    peak: float
    samples: int
    encoding: Encoding

    @property
    def is_rounded(self) -> bool:
        """Whether its floats become integers."""
        return self.encoding.bits > 0 and encoding_for(self.info.subtype).bits == 0

    @property
    def size(self) -> int:
        """Uncompressed bytes of a stem's samples."""
        bits = self.encoding.bits or {"FLOAT": 32, "DOUBLE": 64}[self.encoding.subtype]
        return self.samples * self.info.channels * bits // 8


@dataclass(frozen=True)
class Format:
    """A format of stems: its names, its encoding of a subtype, and its refusals, which return a reason or ''."""

    suffix: str
    container: str
    encoding: Callable[[str], Encoding] = encoding_for
    refusals: tuple[Callable[[_Recording], str], ...] = ()

    def refusal(self, recording: _Recording) -> str:
        """Return the reason why it can't hold the stems of `recording`; '' when it can."""
        return next((reason for refuse in self.refusals if (reason := refuse(recording))), "")


def _flac_encoding(subtype: str) -> Encoding:
    """Return 24 bits for decoded lossy codecs, far finer than what these leave, and for ALAC, which rarely has more."""
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


def _rate_not_in_flac(recording: _Recording) -> str:
    """A frame's header has 16 bits for a rate in Hz or in tens of Hz (RFC 9639, 9.1.2); libsndfile writes no others."""
    rate = recording.info.rate
    fits = rate < 1 << 16 or (rate % 10 == 0 and rate <= 655_350)
    return "" if fits else f"flac frames hold no rate of {rate} Hz"


def _empty_for_flac(recording: _Recording) -> str:
    """Without samples libsndfile writes no flac file, not even a header."""
    return "" if recording.samples else "flac files hold at least one sample"


def _too_long_for_aiff(recording: _Recording) -> str:
    """AIFF has signed sizes of 32 bits (Audio Interchange File Format 1.3, Apple, 1989)."""
    return "aiff holds no more than 2 GB" if recording.size > (1 << 31) - _ROOM else ""


def _too_long_for_wav(recording: _Recording) -> str:
    return "wav holds no more than 4 GB, RF64 does" if recording.size > (1 << 32) - _ROOM else ""


_FLAC_REFUSALS = (
    _not_in_flac,
    _above_full_scale,
    _too_many_channels_for_flac,
    _rate_not_in_flac,
    _empty_for_flac,
)
_RF64 = Format(".wav", "RF64")

FORMATS: Mapping[str, Format] = {
    "wav": Format(".wav", "WAV", refusals=(_too_long_for_wav,)),
    "flac": Format(".flac", "FLAC", _flac_encoding, _FLAC_REFUSALS),
    "aiff": Format(".aiff", "AIFF", refusals=(_too_long_for_aiff,)),
    "caf": Format(".caf", "CAF"),
}


def choose_output_format(info: AudioInfo, peak: float, samples: int, format: str) -> OutputFormat:
    """Choose the format of the stems of a recording: `samples` a channel, `peak` the largest magnitude.

    `format` is one of FORMATS. Stems that it can't hold become WAV, or RF64 (EBU Tech 3306) when they are too long for
    WAV. The samples have at least as many bits as the recording's. Raises UserError for an unknown format.
    """
    if format not in FORMATS:
        raise UserError(f"there is no format {format!r} for stems: take one of {', '.join(FORMATS)}")
    reasons: list[str] = []
    for candidate in (FORMATS[format], FORMATS["wav"]):
        encoding = candidate.encoding(info.subtype)
        reason = candidate.refusal(_Recording(info, peak, samples, encoding))
        if not reason:
            return OutputFormat(candidate.suffix, candidate.container, encoding, "; ".join(reasons), info.mask)
        if reason not in reasons:
            reasons.append(reason)
    return OutputFormat(_RF64.suffix, _RF64.container, _RF64.encoding(info.subtype), "; ".join(reasons), info.mask)


class StemWriter:
    """Writes a stem's file block by block; the same samples always give the same bytes.

    Raises OSError with the likely reason when the file can't be written.
    """

    def __init__(self, path: Path, output: OutputFormat, rate: int, channels: int) -> None:
        """Open `path` for samples of `channels` at `rate` Hz."""
        self._path, self._output = path, output
        level = _FLAC_LEVEL if output.container == "FLAC" else None
        with _as_oserror(path):
            self._file = soundfile.SoundFile(
                path, "w", rate, channels, output.encoding.subtype, format=output.form, compression_level=level
            )
        if output.mask and output.container in MASKED:
            set_mask(self._file, output.mask)
        _leave_out_peak_chunk(self._file)

    def write(self, block: Samples) -> None:
        """Append samples `(channels, n)`: one of the stems that `add_up` returns."""
        with _as_oserror(self._path):
            self._file.write(np.ascontiguousarray(block.T))

    def close(self) -> None:
        """Write the remaining samples and the final header."""
        with _as_oserror(self._path):
            self._file.close()
            write_layout(self._path, self._output.container, self._output.mask)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _leave_out_peak_chunk(file: Any) -> None:
    """Write no PEAK chunk, because it holds the time of writing.

    This is done only for files that would get one: for RF64 the same command would add it.
    """
    if file.format in ("WAV", "WAVEX", "AIFF") and file.subtype in ("FLOAT", "DOUBLE"):
        soundfile._snd.sf_command(file._file, _ADD_PEAK_CHUNK, soundfile._ffi.NULL, soundfile._snd.SF_FALSE)
        file.truncate(0)  # the rest of the longer header


@contextmanager
def _as_oserror(path: Path) -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:  # it does not keep the system's error number
        raise OSError(f"{path} cannot be written ({error}): is the disk full?") from None
