"""Audio in: what a file holds, its samples as a whole, and its samples block by block.

libsndfile reads what it can (wav, flac, ogg, mp3, aiff …); ffmpeg reads the rest (m4a, wma, stem.mp4 …). Arrays are
float32 of shape `(channels, samples)`, full scale at ±1.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from components.core import ffmpeg
from components.core.errors import UserError

Audio = NDArray[np.float32]

_SOUNDFILE_SUFFIXES = (
    ".wav",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".aiff",
    ".aif",
    ".caf",
    ".w64",
    ".rf64",
    ".au",
)
_FFMPEG_SUFFIXES = (".m4a", ".mp4", ".aac", ".wma", ".mka", ".webm")
SUFFIXES = frozenset(_SOUNDFILE_SUFFIXES + _FFMPEG_SUFFIXES)
"""Names of files that are taken for audio when a folder is searched."""

_FLOAT_BYTES = 4


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself: `rate` in Hz, and libsndfile's `subtype` (`FLOAT` where decoding gives floats)."""

    rate: int
    channels: int
    subtype: str
    streams: int = 1


def probe(path: Path, stream: int = 0) -> AudioInfo:
    """Describe audio stream `stream` of `path`; raises UserError when there is none."""
    if not path.is_file():
        raise UserError(f"{path} is not a file")
    if stream == 0 and _by_libsndfile(path):
        with soundfile.SoundFile(path) as file:
            return AudioInfo(file.samplerate, file.channels, file.subtype)
    streams = ffmpeg.probe_streams(path)
    if stream >= len(streams):
        raise UserError(f"{path} has {len(streams)} audio streams, but stream {stream} is asked for")
    return AudioInfo(int(streams[stream]["sample_rate"]), int(streams[stream]["channels"]), "FLOAT", len(streams))


def read_blocks(path: Path, frames: int, stream: int = 0, dtype: str = "float32") -> Iterator[NDArray[Any]]:
    """Yield the samples of `path` in blocks of `frames` (the last may be shorter), each `(channels, frames)`.

    `dtype` is float32 or float64 (full scale ±1), or int32 (left-justified: the high bits hold the samples). What
    ffmpeg decodes is floats in any case.
    """
    info = probe(path, stream)
    if stream == 0 and _by_libsndfile(path):
        yield from _blocks_by_libsndfile(path, frames, dtype)
    else:
        yield from (block.astype(dtype) for block in _blocks_by_ffmpeg(path, frames, stream, info.channels))


def read(path: Path, stream: int = 0) -> tuple[Audio, int]:
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
    """Turn blocks `(channels, any)` at `rate` Hz into blocks at `new_rate` Hz; how they are cut changes nothing.

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


def to_channels(audio: Audio, channels: int) -> Audio:
    """Return `audio` with `channels` channels: one is repeated, several are averaged first."""
    if audio.shape[0] == channels:
        return audio
    return np.repeat(audio.mean(axis=0, keepdims=True, dtype=np.float32), channels, axis=0)


def _by_libsndfile(path: Path) -> bool:
    try:
        with soundfile.SoundFile(path) as file:
            # RAW: no header at all, taken for telephone sound because of the name (rubbish.au)
            return str(file.format) != "RAW"
    except (soundfile.LibsndfileError, TypeError):  # TypeError: a .raw file, which says nothing of itself
        return False


def _blocks_by_libsndfile(path: Path, frames: int, dtype: str) -> Iterator[NDArray[Any]]:
    try:
        with soundfile.SoundFile(path) as file:
            while (block := file.read(frames, dtype=dtype, always_2d=True)).shape[0]:
                yield np.ascontiguousarray(block.T)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{path} is not readable audio: {error}") from None


def _blocks_by_ffmpeg(path: Path, frames: int, stream: int, channels: int) -> Iterator[Audio]:
    with ffmpeg.decoded(path, stream) as pipe:
        while data := pipe.read(frames * channels * _FLOAT_BYTES):
            whole = len(data) // (channels * _FLOAT_BYTES) * channels
            block = np.frombuffer(data, "<f4", count=whole).reshape(-1, channels)
            yield np.ascontiguousarray(block.T, dtype=np.float32)
