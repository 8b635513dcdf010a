"""Audio in: what a file holds, its samples as a whole, and its samples block by block.

libsndfile reads what it can (wav, flac, ogg, mp3, aiff …); ffmpeg reads the rest (m4a, wma, stem.mp4 …). Arrays are
float32 of shape `(channels, samples)`, full scale at ±1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from components.core import ffmpeg
from components.core.errors import UserError
from components.core.torchaudio_compat import torchaudio

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


def read_blocks(path: Path, frames: int, stream: int = 0) -> Iterator[Audio]:
    """Yield the samples of `path` in blocks of `frames` (the last may be shorter), each `(channels, frames)`."""
    info = probe(path, stream)
    if stream == 0 and _by_libsndfile(path):
        yield from _blocks_by_libsndfile(path, frames)
    else:
        yield from _blocks_by_ffmpeg(path, frames, stream, info.channels)


def read(path: Path, stream: int = 0) -> tuple[Audio, int]:
    """Return all samples of `path`, `(channels, samples)`, and their rate in Hz."""
    info = probe(path, stream)
    blocks = list(read_blocks(path, 1 << 20, stream))
    if not blocks:
        return np.zeros((info.channels, 0), np.float32), info.rate
    return np.concatenate(blocks, axis=1), info.rate


def resample(audio: Audio, rate: int, new_rate: int) -> Audio:
    """Return `(channels, samples)` at `new_rate` Hz by windowed-sinc interpolation (see RESAMPLING)."""
    if rate == new_rate:
        return audio
    converted = torchaudio.functional.resample(torch.from_numpy(audio), rate, new_rate, **RESAMPLING)
    result: Audio = converted.numpy()
    return result


RESAMPLING = {"lowpass_filter_width": 32, "rolloff": 0.97}
"""torchaudio's resampler: half-width of the kernel in zero crossings, and the cut-off as a share of Nyquist."""


def to_channels(audio: Audio, channels: int) -> Audio:
    """Return `audio` with `channels` channels: one is repeated, several are averaged first."""
    if audio.shape[0] == channels:
        return audio
    return np.repeat(audio.mean(axis=0, keepdims=True, dtype=np.float32), channels, axis=0)


def _by_libsndfile(path: Path) -> bool:
    try:
        with soundfile.SoundFile(path):
            return True
    except soundfile.LibsndfileError:
        return False


def _blocks_by_libsndfile(path: Path, frames: int) -> Iterator[Audio]:
    try:
        with soundfile.SoundFile(path) as file:
            while (block := file.read(frames, dtype="float32", always_2d=True)).shape[0]:
                yield np.ascontiguousarray(block.T)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{path} is not readable audio: {error}") from None


def _blocks_by_ffmpeg(path: Path, frames: int, stream: int, channels: int) -> Iterator[Audio]:
    with ffmpeg.decoded(path, stream) as pipe:
        while data := pipe.read(frames * channels * _FLOAT_BYTES):
            whole = len(data) // (channels * _FLOAT_BYTES) * channels
            block = np.frombuffer(data, "<f4", count=whole).reshape(-1, channels)
            yield np.ascontiguousarray(block.T, dtype=np.float32)
