"""libsndfile reads uncompressed files (wav, aiff, caf, au, w64), flac and opus.

ffmpeg decodes mp3 and ogg, although libsndfile could: libsndfile guesses the length of an mp3 without a Xing header and
stops there, and a file that crashes libsndfile would crash this process. Opus is the exception: ffmpeg's own decoder
returns bursts of noise for low rates (MIR-1K at 16 kHz: 24 dB against libopus), and no rate but 48 kHz.
"""

import errno
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from components.core.sound.containers.byte_file import PartialFile, find_audio_start
from components.core.sound.containers.container import Part
from components.core.sound.decoders.decoder import AudioInfo, Decoder, DecoderInput, Samples, fitting_mask
from components.core.sound.errors import DamagedFile, DecodingError
from components.core.sound.sequential_file import SequentialFile

# What a file begins with that libsndfile is given at all, and what it is allowed to read then: all else that it knows
# (Matlab, Sound Designer, GSM …) would only be more for a hostile file to choose from.
_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"caff", b"riff", b".snd", b"dns.", b"fLaC")
_CONTAINERS = frozenset({"WAV", "WAVEX", "RF64", "AIFF", "CAF", "W64", "AU", "FLAC", "OGG"})
_SUBTYPES = frozenset({"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "OPUS"})
_COUNTED = frozenset({"WAV", "WAVEX", "RF64", "AIFF", "CAF", "W64", "AU"})
_FIRST_PACKET = 28  # of an Ogg file: behind the header of a page with a single packet (RFC 3533)
_SYSTEM_FAILED = 2


@dataclass(frozen=True)
class Libsndfile(Decoder):
    """libsndfile, in this process."""

    source: DecoderInput
    info: AudioInfo
    exact: int = 0

    @property
    def version(self) -> str:
        return f"libsndfile {soundfile.__libsndfile_version__}"

    def read_part(self, part: Part, frames: int, dtype: str) -> Generator[Samples, None, None]:
        path = self.source.path
        with _opened(path, part) as file:
            while True:
                try:
                    block = file.read(frames, dtype=self.source.dtype(dtype), always_2d=True)
                except soundfile.LibsndfileError as error:
                    _require_system(error, path)
                    raise DecodingError(path, error.error_string.removeprefix("Error : ").rstrip(".")) from None
                if not block.shape[0]:
                    return
                yield np.ascontiguousarray(block.T)


def open_stored(source: DecoderInput) -> Libsndfile | None:
    """Return libsndfile for the file; None if ffmpeg must read it."""
    if source.stream or not _is_stored(source.path):
        return None
    first: AudioInfo | None = None
    exact = 0
    for part in source.container.parts:
        described = _describe(source, part)
        if described is None:
            return None
        info, frames = described
        if first is not None and first != info:
            raise DamagedFile(
                source.path, "its links have different rates or channels: split it into files of one kind"
            )
        first, exact = info, exact + frames
    return Libsndfile(source, first, exact) if first else None


def _is_stored(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(find_audio_start(file))
        head = file.read(_FIRST_PACKET + 8)
    return head.startswith(_MAGIC) or head[_FIRST_PACKET:] == b"OpusHead"


def _describe(source: DecoderInput, part: Part) -> tuple[AudioInfo, int] | None:
    """Return the properties and the counted samples of a part; None when libsndfile must not or can't read it."""
    try:
        with _opened(source.path, part) as file:
            # no frames: it may be a wav that was written to a pipe, with 0 as its size, which ffmpeg reads on
            if file.format not in _CONTAINERS or file.subtype not in _SUBTYPES or not file.frames:
                return None
            mask = fitting_mask(source.container.mask, file.channels)
            info = AudioInfo(file.samplerate, file.channels, file.subtype, mask=mask)
            return info, file.frames if file.format in _COUNTED else 0
    except soundfile.LibsndfileError as error:
        _require_system(error, source.path)
        return None
    except TypeError:  # it is called .raw, which says nothing of itself
        return None


@contextmanager
def _opened(path: Path, part: Part) -> Iterator[Any]:
    """Open a part of a file; raises OSError if the disk fails."""
    if part.start == 0 and part.end is None and not part.changes:
        with SequentialFile(os.fsencode(path)) as file:
            yield file
        return
    end = path.stat().st_size if part.end is None else part.end
    partial = PartialFile(path, part.start, end, part.changes)
    try:
        with SequentialFile(partial) as file:
            yield file
    finally:
        partial.close()
        if partial.error is not None:
            raise partial.error


def _require_system(error: soundfile.LibsndfileError, path: Path) -> None:
    """Raise OSError if the operating system failed, not libsndfile: then the file may be fine."""
    if error.code == _SYSTEM_FAILED:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path)) from None
