"""ffmpeg decodes everything that libsndfile does not (mp3, vorbis, m4a, wma, stem.mp4 …)."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.core.sound import ffmpeg
from components.core.sound.containers.container import Part
from components.core.sound.decoders.decoder import AudioInfo, Decoder, DecoderInput, Samples, fitting_mask
from components.core.sound.errors import DecodingError

_SAMPLE_BYTES = 4

_MASKS = {
    "2.1": 0xB,
    "3.0": 0x7,
    "3.0(back)": 0x103,
    "4.0": 0x107,
    "quad": 0x33,
    "quad(side)": 0x603,
    "3.1": 0xF,
    "5.0": 0x37,
    "5.0(side)": 0x607,
    "4.1": 0x10F,
    "5.1": 0x3F,
    "5.1(side)": 0x60F,
    "6.0": 0x707,
    "6.0(front)": 0x6C3,
    "hexagonal": 0x137,
    "6.1": 0x70F,
    "6.1(back)": 0x13F,
    "6.1(front)": 0x6CB,
    "7.0": 0x637,
    "7.0(front)": 0x6C7,
    "7.1": 0x63F,
    "7.1(wide)": 0xFF,
    "7.1(wide-side)": 0x6CF,
    "octagonal": 0x737,
}
"""Speakers by ffmpeg's name of the layout; ffmpeg orders channels by the bits of the mask, as WAVE does."""


@dataclass(frozen=True)
class Ffmpeg(Decoder):
    """ffmpeg, in a process of its own."""

    source: DecoderInput
    info: AudioInfo

    @property
    def version(self) -> str:
        return ffmpeg.version()

    def read_part(self, part: Part, frames: int, dtype: str) -> Generator[Samples, None, None]:
        source, channels = self.source, self.info.channels
        is_whole = len(source.container.parts) == 1
        place = (0, None) if is_whole else (part.start, part.end)
        decoding = ffmpeg.Decoding(
            source.stream,
            *place,
            options=source.container.options,
            returns_all=source.container.manual,
            sample_format="s32le" if source.container.bits else "f32le",
        )
        with ffmpeg.decode_stream(source.path, decoding, source.patience) as output:
            while data := output.read(frames * channels * _SAMPLE_BYTES):
                whole = len(data) // (channels * _SAMPLE_BYTES) * channels
                block = np.frombuffer(data, "<i4" if source.container.bits else "<f4", count=whole)
                yield np.ascontiguousarray(block.reshape(-1, channels).T)


def open_with_ffmpeg(source: DecoderInput) -> Ffmpeg:
    """Return ffmpeg for the file; raises DecodingError when it can't read the stream."""
    streams = ffmpeg.probe_streams(source.path, source.patience)
    if source.stream >= len(streams):
        raise DecodingError(source.path, f"it has {len(streams)} audio streams, and no stream {source.stream}")
    return Ffmpeg(source, _describe(source, streams[source.stream], len(streams)))


def _describe(source: DecoderInput, stream: dict[str, Any], streams: int) -> AudioInfo:
    rate, channels = int(stream.get("sample_rate", 0)), int(stream.get("channels", 0))
    if not rate or not channels:
        raise DecodingError(source.path, "its header names no rate or no channels")
    mask = source.container.mask or _MASKS.get(stream.get("channel_layout", ""), 0)
    return AudioInfo(rate, channels, _subtype(source, stream), streams, fitting_mask(mask, channels))


def _subtype(source: DecoderInput, stream: dict[str, Any]) -> str:
    if source.container.bits:
        return f"PCM_{next(bits for bits in (16, 24, 32) if bits >= source.container.bits)}"
    codec: str = stream.get("codec_name", "unknown")
    return "FLOAT" if codec.startswith("pcm_f") else codec
