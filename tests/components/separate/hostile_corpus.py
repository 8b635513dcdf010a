"""Recordings from outside: broken, hostile or mislabelled ones, and odd ones that are fit."""

import os
import struct
import subprocess
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.core.sound import ffmpeg
from tests.support.tiny_models import noise

FIT = "fit"
RATE, SAMPLES = 22050, 11025
_WAV_CHANNELS, _WAV_RATE, _WAV_SIZE, _WAV_DATA = 22, 24, 40, 44
_FLAC_TOTAL = 18

Maker = Callable[["Material"], bytes]


class Material:
    """Half a second of noise in any format, made on the first request in the folder `scratch`."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._made: dict[str, bytes] = {}

    def stored(self, container: str, subtype: str, channels: int = 2, rate: int = RATE, endian: str = "FILE") -> bytes:
        """Return noise as libsndfile writes it."""
        return self.written(noise(0, SAMPLES, channels, 0.5), container, subtype, rate, endian)

    def written(
        self, audio: NDArray[np.floating], container: str, subtype: str, rate: int = RATE, endian: str = "FILE"
    ) -> bytes:
        """Return `audio`, `(channels, samples)`, as libsndfile writes it."""
        path = self.scratch / "written"
        soundfile.write(path, audio.T, rate, subtype, endian, container)
        return path.read_bytes()

    def encoded(self, name: str, *options: str, data: bytes = b"") -> bytes:
        """Return `data` (noise) as ffmpeg writes it to a file with such a suffix."""
        key = " ".join((name, *options))
        if data or key not in self._made:
            source, path = self.scratch / "source", self.scratch / name
            source.write_bytes(data or self.wav)
            self._run("-i", str(source), *options, str(path))
            self._made[key] = path.read_bytes()
        return self._made[key]

    def piped(self, container: str) -> bytes:
        """Return noise as ffmpeg writes it to a pipe, so that it can't correct the header."""
        source = self.scratch / "source"
        source.write_bytes(self.wav)
        return self._run("-i", str(source), "-f", container, "-")

    def video(self) -> bytes:
        """Return a film without sound."""
        path = self.scratch / "film.mp4"
        self._run("-f", "lavfi", "-i", "color=s=16x16:d=0.2", str(path))
        return path.read_bytes()

    @cached_property
    def wav(self) -> bytes:
        """16 bits, two channels, a header of 44 bytes."""
        return self.stored("WAV", "PCM_16")

    @cached_property
    def flac(self) -> bytes:
        """16 bits, two channels."""
        return self.stored("FLAC", "PCM_16")

    @cached_property
    def mp3(self) -> bytes:
        """With a Xing header and without tags."""
        return self.encoded("a.mp3", "-q:a", "2", "-id3v2_version", "0")

    @cached_property
    def m4a(self) -> bytes:
        """AAC, the index at the end."""
        return self.encoded("a.m4a", "-c:a", "aac")

    @cached_property
    def ogg(self) -> bytes:
        """Vorbis."""
        return self.encoded("a.ogg", "-c:a", "libvorbis")

    def _run(self, *arguments: str) -> bytes:
        command = [ffmpeg.find_tool("ffmpeg"), "-v", "error", "-y", *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def patched(data: bytes, place: int, layout: str, value: int) -> bytes:
    """Return `data` with a number of a header replaced."""
    number = struct.pack(layout, value)
    return data[:place] + number + data[place + len(number) :]


def with_flac_total(data: bytes, samples: int) -> bytes:
    """Return a flac whose header names this number of samples per channel; 0 means unknown."""
    (fields,) = struct.unpack_from(">Q", data, _FLAC_TOTAL)
    return patched(data, _FLAC_TOTAL, ">Q", (fields >> 36 << 36) | samples)


def flac_of_one_value(frames: int, block: int, channels: int, rate: int) -> bytes:
    """Return a valid flac of a few bytes per frame (RFC 9639, 9) that does not say how long it is.

    Every frame stands for `block` samples of one value in each channel.
    """
    fields = rate << 44 | (channels - 1) << 41 | 15 << 36  # 16 bits a sample, and no length
    parts = [b"fLaC\x80\0\0\x22", struct.pack(">HH6xQ16x", block, block, fields)]
    value = b"\0" + struct.pack(">h", 1)  # a constant subframe
    for number in range(frames):
        # frames are numbered in the manner of UTF-8
        header = b"\xff\xf8\x70" + bytes([channels - 1 << 4]) + chr(number).encode()
        header += struct.pack(">H", block - 1)
        frame = header + bytes([_remainder(header, 8, 0x07)]) + value * channels
        parts += [frame, struct.pack(">H", _remainder(frame, 16, 0x8005))]
    return b"".join(parts)


def _remainder(data: bytes, bits: int, polynomial: int) -> int:
    """Return a cyclic redundancy check, most significant bit first, from zero."""
    remainder = 0
    for byte in data:
        remainder ^= byte << (bits - 8)
        for _ in range(8):
            remainder = (remainder << 1) ^ (polynomial if remainder >> (bits - 1) else 0)
            remainder &= (1 << bits) - 1
    return remainder


def id3(size: int) -> bytes:
    """Return an ID3v2.3 tag with a picture of `size` bytes."""
    picture = b"\0image/jpeg\0\x03\0" + b"\xff\xfb\x90\x64" * (size // 4)  # looks like frames of an mp3
    frame = b"APIC" + struct.pack(">IH", len(picture), 0) + picture
    seven_bits = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + seven_bits + frame


def cut(maker: Maker, share: float = 0.5) -> Maker:
    """Return a maker of the first part of a file."""
    return lambda material: (data := maker(material))[: round(len(data) * share)]


def _as(name: str, *options: str) -> Maker:
    return lambda material: material.encoded(name, *options)


def _stored(container: str, subtype: str, channels: int = 2, rate: int = RATE) -> Maker:
    return lambda material: material.stored(container, subtype, channels, rate)


def _floats(value: float, subtype: str = "FLOAT", container: str = "WAV") -> Maker:
    def make(material: Material) -> bytes:
        audio = noise(0, 1000).astype(np.float64)
        audio[1, 500] = value
        return material.written(audio, container, subtype)

    return make


def _zeros(container: str, subtype: str, samples: int = SAMPLES) -> Maker:
    return lambda material: material.written(np.zeros((2, samples)), container, subtype)


def _wav_with(place: int, layout: str, value: int) -> Maker:
    return lambda material: patched(material.wav, place, layout, value)


def _with_chunk(name: bytes, content: bytes, place: int = 36) -> Maker:
    chunk = name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return lambda material: material.wav[:place] + chunk + material.wav[place:]


def _bomb() -> bytes:
    """Return 100 MB in 4 KB."""
    return flac_of_one_value(100, 65_535, 8, RATE)


def _text(text: str) -> Maker:
    return lambda _: text.encode()


ENCODED: dict[str, Maker] = {
    "a.mp3": lambda material: material.mp3,
    "a.m4a": lambda material: material.m4a,
    "a.ogg": lambda material: material.ogg,
    "fast.m4a": _as("fast.m4a", "-c:a", "aac", "-movflags", "+faststart"),
    "fragmented.mp4": _as("fragmented.mp4", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"),
    "alac.m4a": _as("alac.m4a", "-c:a", "alac"),
    "a.wma": _as("a.wma", "-c:a", "wmav2"),
    "a.opus": _as("a.opus", "-c:a", "libopus", "-ar", "48000"),
    "flac.oga": _as("flac.oga", "-c:a", "flac"),
    "a.mka": _as("a.mka", "-c:a", "flac"),
    "a.webm": _as("a.webm", "-c:a", "libopus", "-ar", "48000"),
    "a.flac": lambda material: material.flac,
    "a.wav": lambda material: material.wav,
    "24.wav": _stored("WAVEX", "PCM_24"),
    "a.rf64": _stored("RF64", "PCM_16"),
    "a.w64": _stored("W64", "PCM_24"),
    "a.aiff": _stored("AIFF", "PCM_16"),
    "a.caf": _stored("CAF", "PCM_16"),
    "a.au": _stored("AU", "PCM_16"),
}
"""Formats whose files name their length or mark their end: complete files are fit, cut ones are truncated."""

ODD: dict[str, Maker] = {
    "one sample.wav": lambda material: material.written(np.full((2, 1), 0.5), "WAV", "PCM_16"),
    "one bit.wav": lambda material: material.written(np.eye(2, 1000) * 2.0**-15, "WAV", "PCM_16"),
    "mono.wav": _stored("WAV", "PCM_16", 1),
    "8 channels.wav": _stored("WAVEX", "PCM_16", 8),
    "32 channels.wav": _stored("WAVEX", "PCM_16", 32),
    "1 kHz.wav": _stored("WAV", "PCM_16", rate=1000),
    "8 kHz.wav": _stored("WAV", "PCM_16", rate=8000),
    "192 kHz.flac": _stored("FLAC", "PCM_24", rate=192_000),
    "768 kHz.wav": _stored("WAV", "PCM_32", rate=768_000),
    "8 bits.wav": _stored("WAV", "PCM_U8"),
    "8 bits.flac": _stored("FLAC", "PCM_S8"),
    "24 bits.flac": _stored("FLAC", "PCM_24"),
    "32 bits.wav": _stored("WAV", "PCM_32"),
    "double.wav": _stored("WAV", "DOUBLE"),
    "telephone.wav": _stored("WAV", "ULAW"),
    "adpcm.wav": _stored("WAV", "MS_ADPCM"),
    "float.aiff": _stored("AIFF", "FLOAT"),
    "alac.caf": _stored("CAF", "ALAC_16"),
    "loud.wav": _floats(3.5),
    "loud double.wav": _floats(-1e6, "DOUBLE"),
    "big endian.wav": lambda material: material.stored("WAV", "PCM_16", endian="BIG"),
    "little endian.au": lambda material: material.stored("AU", "PCM_16", endian="LITTLE"),
    "a flac.mp3": lambda material: material.flac,
    "an mp3.wav": lambda material: material.mp3,
    "an m4a.flac": lambda material: material.m4a,
    "a wav.m4a": lambda material: material.wav,
    "an ogg.aiff": lambda material: material.ogg,
    "streamed.wav": lambda material: material.piped("wav"),
    "streamed.flac": lambda material: material.piped("flac"),
    "streamed.au": lambda material: material.piped("au"),
    "streamed by nobody.wav": _wav_with(_WAV_SIZE, "<I", 0),
    "streamed by sox.wav": _wav_with(_WAV_SIZE, "<I", 0x7FFFF000),
    "junk.wav": _with_chunk(b"junk", bytes(1001)),
    "list.wav": _with_chunk(b"LIST", b"INFOINAM\6\0\0\0title\0"),
    "bext.wav": _with_chunk(b"bext", bytes(602) + b"a history"),
    "list at the end.wav": _with_chunk(b"LIST", b"INFOINAM\6\0\0\0title\0", _WAV_DATA + 4 * SAMPLES),
    "garbage at the end.wav": lambda material: material.wav + b"\xff" * 999,
    "cover.mp3": lambda material: id3(1 << 20) + material.mp3,
    "cover.flac": lambda material: id3(1 << 16) + material.flac,
    "two tags.mp3": lambda material: id3(100) + id3(5000) + material.mp3 + b"TAG" + bytes(125),
    "garbage first.mp3": lambda material: bytes(range(1, 256)) * 20 + material.mp3,
    "without a header.mp3": _as("without.mp3", "-q:a", "4", "-write_xing", "0", "-id3v2_version", "0"),
    "two songs.mp3": lambda material: material.mp3 + material.mp3,
    "chained.ogg": lambda material: material.ogg + material.encoded("b.ogg", "-c:a", "libvorbis", "-q:a", "8"),
    "a.aac": _as("a.aac", "-c:a", "aac"),
    "a.ac3.m4a": _as("ac3.m4a", "-c:a", "ac3", "-ar", "44100"),
    "garbage at the end.m4a": lambda material: material.m4a + b"TAG" + bytes(125),
}
"""Unusual, and fit."""

NAMES = (
    "UPPER.WAV",
    "歌 曲/中文 名字.wav",
    "Łódź/été, 'live'.wav",
    "עברית.wav",
    "हिन्दी.wav",
    "🎵.wav",
    "de\u0301compose\u0301.wav",
    "two\nlines.wav",
    "tab\tand\x1b[31mred.wav",
    "-i.wav",
    "--help.wav",
    'quo\'te "twice".wav',
    "a;b|c&d$(e)`f`.wav",
    "100%20%d%s.wav",
    "{braces} [brackets] *?.wav",
    "back\\slash.wav",
    "http:x.wav",
    "concat:a.wav",
    "dots...wav",
    "  .wav",
    "spaces /at the ends .wav",
    "deep/er/still/a.wav",
    "ü" * 120 + ".wav",
    os.fsdecode(b"latin \xe9t\xe9.wav"),
)
"""Odd names of fit files."""

HOSTILE: dict[str, tuple[Maker, str]] = {
    "empty.wav": (lambda _: b"", "empty"),
    "empty.mp3": (lambda _: b"", "empty"),
    "one byte.flac": (lambda _: b"f", "not readable"),
    "text.mp3": (_text("This is no music.\n" * 100), "not readable"),
    "page not found.mp3": (_text("<!DOCTYPE html><title>404</title>" + " " * 5000), "not readable"),
    "zeros.wav": (lambda _: bytes(50_000), "not readable"),
    "rubbish.flac": (lambda _: np.random.default_rng(0).bytes(50_000), "not readable"),
    "rubbish.au": (lambda _: b"rubbish" * 1000, "not readable"),
    "rubbish behind a name.flac": (lambda _: b"fLaC" + np.random.default_rng(0).bytes(50_000), "not readable"),
    "rubbish in boxes.m4a": (lambda _: b"\0\0\0\x08ftyp" * 6000, "no index"),
    "picture.mp3": (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(3000), "not readable"),
    "archive.flac": (lambda _: b"PK\x03\x04" + bytes(3000), "not readable"),
    "film without sound.mp4": (lambda material: material.video(), "0 audio streams"),
    "only a header.wav": (lambda material: material.wav[:_WAV_DATA], "truncated"),
    "half a header.wav": (lambda material: material.wav[:30], "not readable"),
    "no samples.wav": (_zeros("WAV", "PCM_16", 0), "no samples"),
    "a byte is missing.wav": (lambda material: material.wav[:-1], "truncated"),
    "a byte is missing.flac": (lambda material: material.flac[:-1], "truncated"),
    "cut, streamed.flac": (cut(lambda material: material.piped("flac")), "not readable"),
    "promises 256 MB.wav": (_wav_with(_WAV_SIZE, "<I", 1 << 28), "truncated"),
    "promises a sample more.flac": (lambda material: with_flac_total(material.flac, SAMPLES + 1), "truncated"),
    "damaged.flac": (lambda material: patched(material.flac, len(material.flac) // 2, "<Q", 0), "damaged"),
    "nan.wav": (_floats(np.nan), "finite"),
    "nan.aiff": (_floats(np.nan, container="AIFF"), "finite"),
    "nan double.wav": (_floats(np.nan, "DOUBLE"), "finite"),
    "infinite.wav": (_floats(np.inf), "finite"),
    "minus infinite.caf": (_floats(-np.inf, container="CAF"), "finite"),
    "beyond floats.wav": (_floats(1e300, "DOUBLE"), "finite"),
    "silence.wav": (_zeros("WAV", "PCM_16"), "silent"),
    "silence.flac": (_zeros("FLAC", "PCM_24"), "silent"),
    "silence of floats.wav": (_zeros("WAV", "FLOAT"), "silent"),
    "silence of 8 bits.wav": (_zeros("WAV", "PCM_U8"), "silent"),
    "says it lasts weeks.flac": (lambda material: with_flac_total(material.flac, (1 << 36) - 1), "longer"),
    "lasts a day.flac": (lambda _: flac_of_one_value(11_000, 8192, 1, 1000), "longer"),
    "bomb.flac": (lambda _: _bomb(), "bomb"),
    "bomb.mka": (lambda material: material.encoded("bomb.mka", "-c:a", "copy", data=_bomb()), "bomb"),
    "0 channels.wav": (_wav_with(_WAV_CHANNELS, "<H", 0), "channels"),
    "33 channels.wav": (_stored("WAVEX", "PCM_16", 33), "channels"),
    "65,535 channels.wav": (_wav_with(_WAV_CHANNELS, "<H", 0xFFFF), "channels"),
    "0 Hz.wav": (_wav_with(_WAV_RATE, "<I", 0), "Hz"),
    "999 Hz.wav": (_stored("WAV", "PCM_16", rate=999), "Hz"),
    "a megahertz.wav": (_stored("WAV", "PCM_16", rate=1_000_000), "Hz"),
    "4 gigahertz.wav": (_wav_with(_WAV_RATE, "<I", 0xFFFFFFFF), "Hz"),
    "m3u.m4a": (_text("#EXTM3U\n#EXTINF:1,song\na.wav\n"), "playlist"),
    "m3u after a mark.wav": (_text("\ufeff\r\n#EXTM3U\na.wav\n"), "playlist"),
    "m3u without a header.mp3": (_text("a.wav\na.flac\n"), "not readable"),
    "hls.wav": (_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.m4a\n#EXT-X-ENDLIST\n"), "playlist"),
    "hls of the network.mp4": (_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n"), "playlist"),
    "pls.mp3": (_text("[playlist]\nFile1=a.wav\nNumberOfEntries=1\n"), "playlist"),
    "concat.wav": (_text("ffconcat version 1.0\nfile a.wav\n"), "playlist"),
    "dash.m4a": (_text('<?xml version="1.0"?><MPD><Period><BaseURL>a.m4a</BaseURL></Period></MPD>'), "playlist"),
    "sdp.m4a": (_text("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n"), "playlist"),
    "asx.wma": (_text('<ASX version="3.0"><Entry><Ref href="a.wma"/></Entry></ASX>'), "playlist"),
}
"""Unfit files, each with a word of its reason."""


CORPUS: dict[str, tuple[Maker, str]] = {
    **{name: (maker, FIT) for name, maker in (ENCODED | ODD).items()},
    **{name: (lambda material: material.wav, FIT) for name in NAMES},
    **{f"cut {name}": (cut(maker), "truncated") for name, maker in ENCODED.items()},
    **HOSTILE,
}
"""All files by name, with `fit` or a word of the reason."""

FOLDER = "a folder.wav"


def write_corpus(folder: Path, scratch: Path) -> dict[str, str]:
    """Write all of CORPUS, and a folder that is called like a recording, to `folder`.

    Returns by name, relative to `folder`, `fit` or a word of the reason why it is not. `scratch` is an empty folder for
    what the files are made of.
    """
    material = Material(scratch)
    for name, (maker, _) in CORPUS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(maker(material))
    (folder / FOLDER).mkdir()
    return {name: word for name, (_, word) in CORPUS.items()} | {FOLDER: "folder"}
