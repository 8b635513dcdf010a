"""Read audio files: their properties, all samples, or samples block by block.

libsndfile reads uncompressed files (wav, aiff, caf, au, w64), flac and opus; ffmpeg decodes all others
(mp3, vorbis, m4a, wma, stem.mp4 …) in a process of its own. Arrays are float32 of shape `(channels, samples)`, full
scale at ±1.

Why not mp3 and ogg by libsndfile, which can: it guesses the length of an mp3 without a Xing header and stops there; of
chained streams, or songs, in a file it reads the first; and what a file from outside does to a decoder it would do to
this process. Opus is the exception: ffmpeg's own decoder gives bursts of noise for low rates (MIR-1K at 16 kHz: 24 dB
against libopus), and knows no rate but 48 kHz.
"""

import errno
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.sound import ffmpeg
from components.core.sound.ffmpeg import PATIENCE, DecodingError

Audio = NDArray[np.float32]

SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".caf", ".w64", ".rf64", ".au"}
    | {".m4a", ".mp4", ".aac", ".wma", ".mka", ".webm"}
)
"""Suffixes of audio files; a search in a folder finds only these."""

# What a file begins with that libsndfile is given at all, and what it is allowed to read then: all else that it knows
# (Matlab, Sound Designer, GSM …) would only be more for a hostile file to choose from.
_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"caff", b"riff", b".snd", b"dns.", b"fLaC")
_CONTAINERS = frozenset({"WAV", "WAVEX", "RF64", "AIFF", "CAF", "W64", "AU", "FLAC", "OGG"})
_SUBTYPES = frozenset({"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "OPUS"})
_FIRST_PACKET = 28  # of an Ogg file: behind the header of a page with a single packet (RFC 3533)

_FLOAT_BYTES = 4
_MOST_TAGS = 8
_SYSTEM_FAILED = 2


@dataclass(frozen=True)
class AudioInfo:
    """Properties of a file: `rate` in Hz; `subtype` is the one of libsndfile, or the codec by ffmpeg's name (`mp3`)."""

    rate: int
    channels: int
    subtype: str
    streams: int = 1


class _SoundFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no types
    """A file that is read from beginning to end.

    soundfile seeks after every read of a file that can, to where it is already. Of a flac whose header does not say how
    long it is (written to a pipe) that fails.
    """

    def seekable(self) -> bool:
        return False


def probe(path: Path, stream: int = 0, patience: float = PATIENCE) -> AudioInfo:
    """Describe audio stream `stream` of `path`; raises UserError when there is none, DecodingError if unreadable.

    `patience` is how many seconds a decoder may return nothing.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file")
    if stream == 0 and (file := _open_stored(path)) is not None:
        with file:
            return AudioInfo(file.samplerate, file.channels, file.subtype)
    streams = ffmpeg.probe_streams(path, patience)
    if stream >= len(streams):
        raise DecodingError(path, f"it has {len(streams)} audio streams, but stream {stream} is asked for")
    return _described(path, streams[stream], len(streams))


def read_blocks(
    path: Path,
    frames: int,
    stream: int = 0,
    dtype: str = "float32",
    patience: float = PATIENCE,
    info: AudioInfo | None = None,
) -> Generator[NDArray[Any], None, None]:
    """Yield the samples of `path` in blocks of `frames` (the last may be shorter), each `(channels, frames)`.

    `dtype` is float32 or float64 (full scale ±1), or int32 (left-justified: the high bits hold the samples). What
    ffmpeg decodes is floats in any case. `info` is what `probe` returned; without it the file is probed here. Raises
    DecodingError, also after some blocks.
    """
    info = info or probe(path, stream, patience)
    if stream == 0 and (file := _open_stored(path)) is not None:
        yield from _blocks_by_libsndfile(file, path, frames, dtype)
    else:
        blocks = _blocks_by_ffmpeg(path, frames, stream, info.channels, patience)
        yield from (block.astype(dtype) for block in blocks)


def read_audio(path: Path, stream: int = 0) -> tuple[Audio, int]:
    """Return all samples of `path`, `(channels, samples)`, and their rate in Hz."""
    info = probe(path, stream)
    blocks = list(read_blocks(path, 1 << 20, stream))
    if not blocks:
        return np.zeros((info.channels, 0), np.float32), info.rate
    return np.concatenate(blocks, axis=1), info.rate


def resample(audio: Audio, rate: int, new_rate: int) -> Audio:
    """Return `(channels, samples)` at `new_rate` Hz."""
    return np.concatenate(list(resample_blocks([audio], rate, new_rate)), axis=1)


def resample_blocks(blocks: Iterable[Audio], rate: int, new_rate: int) -> Iterator[Audio]:
    """Turn blocks `(channels, any)` at `rate` Hz into blocks at `new_rate` Hz, whatever their sizes.

    The SoX resampler at its high quality: 20 bits, linear phase, no delay. Rounding may make the result a sample
    shorter or longer than `samples * new_rate / rate`.
    """
    if rate == new_rate:
        yield from blocks
        return
    stream: soxr.ResampleStream | None = None
    for block in blocks:
        stream = stream or soxr.ResampleStream(rate, new_rate, block.shape[0], dtype="float32", quality="HQ")
        yield _resampled(stream, block, last=False)
        nothing = block[:, :0]
    if stream is not None:
        yield _resampled(stream, nothing, last=True)


def _resampled(stream: soxr.ResampleStream, block: Audio, last: bool) -> Audio:
    resampled: Audio = stream.resample_chunk(np.ascontiguousarray(block.T), last=last)
    return np.ascontiguousarray(resampled.T)


def convert_channels(audio: Audio, channels: int) -> Audio:
    """Return `audio` with `channels` channels: one is repeated, several are averaged first."""
    if audio.shape[0] == channels:
        return audio
    return np.repeat(audio.mean(axis=0, keepdims=True, dtype=np.float32), channels, axis=0)


def find_audio_start(file: BinaryIO) -> int:
    """Return where in `file` its audio begins: after any ID3v2 tags (https://id3.org/id3v2.4.0-structure, 3.1)."""
    start = 0
    for _ in range(_MOST_TAGS):
        header = _at(file, start, 10)
        if len(header) < 10 or not header.startswith(b"ID3"):
            break
        # four times seven bits
        start += 10 + sum((byte & 0x7F) << shift for byte, shift in zip(header[6:], (21, 14, 7, 0), strict=True))
    return start


def _at(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def _open_stored(path: Path) -> _SoundFile | None:
    """Open the file with libsndfile; return None if ffmpeg must read it."""
    with path.open("rb") as file:
        head = _at(file, find_audio_start(file), _FIRST_PACKET + 8)
        if not head.startswith(_MAGIC) and head[_FIRST_PACKET:] != b"OpusHead":
            return None
    try:
        opened = _SoundFile(os.fsencode(path))
    except soundfile.LibsndfileError as error:
        _require_system(error, path)
        return None
    except TypeError:  # it is called .raw, which says nothing of itself
        return None
    # no frames: it may be a wav that was written to a pipe, with 0 as its size, which ffmpeg reads on
    if opened.format in _CONTAINERS and opened.subtype in _SUBTYPES and opened.frames:
        return opened
    opened.close()
    return None


def _require_system(error: soundfile.LibsndfileError, path: Path) -> None:
    """Raise OSError if the operating system failed, not libsndfile: then the file may be fine."""
    if error.code == _SYSTEM_FAILED:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path)) from None


def _described(path: Path, stream: dict[str, Any], streams: int) -> AudioInfo:
    rate, channels = int(stream.get("sample_rate", 0)), int(stream.get("channels", 0))
    if not rate or not channels:
        raise DecodingError(path, "no rate or no channels are found in it")
    codec = stream.get("codec_name", "unknown")
    return AudioInfo(rate, channels, "FLOAT" if codec.startswith("pcm_f") else codec, streams)


def _blocks_by_libsndfile(file: _SoundFile, path: Path, frames: int, dtype: str) -> Iterator[NDArray[Any]]:
    with file:
        try:
            while (block := file.read(frames, dtype=dtype, always_2d=True)).shape[0]:
                yield np.ascontiguousarray(block.T)
        except soundfile.LibsndfileError as error:
            _require_system(error, path)
            raise DecodingError(path, error.error_string.removeprefix("Error : ").rstrip(".")) from None


def _blocks_by_ffmpeg(path: Path, frames: int, stream: int, channels: int, patience: float) -> Iterator[Audio]:
    with ffmpeg.decode_stream(path, stream, patience) as output:
        while data := output.read(frames * channels * _FLOAT_BYTES):
            whole = len(data) // (channels * _FLOAT_BYTES) * channels
            block = np.frombuffer(data, "<f4", count=whole).reshape(-1, channels)
            yield np.ascontiguousarray(block.T, dtype=np.float32)
