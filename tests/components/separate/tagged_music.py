"""Recordings and stems with tags, for the tests of tags."""

import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from components.core.sound import ffmpeg
from components.separate.recording.quantisation import encoding_for
from components.separate.recording.stem_files import OutputFormat, StemWriter
from components.separate.recording.tags.copied_tags import Tags
from tests.support.tiny_models import noise

WRITTEN = {
    "title": "Été à Łódź",
    "artist": "歌手 🎵",
    "album": "אלבום",
    "album_artist": "Σύνολο",
    "track": "3/12",
    "disc": "1/2",
    "date": "2003-05-01",
    "genre": "Jazz",
    "composer": "Nino Ó Ríordáin",
    "comment": "a comment",
    "copyright": "© 2003",
    "publisher": "A Label",
    "TSRC": "USABC1234567",
    "TBPM": "120",
}
"""The tags by ffmpeg's names."""
READ = {
    "title": "Été à Łódź",
    "artist": "歌手 🎵",
    "album": "אלבום",
    "albumartist": "Σύνολο",
    "tracknumber": "3/12",
    "discnumber": "1/2",
    "date": "2003-05-01",
    "genre": "Jazz",
    "composer": "Nino Ó Ríordáin",
    "isrc": "USABC1234567",
    "comment": "a comment",
    "copyright": "© 2003",
    "label": "A Label",
    "bpm": "120",
}
NOT_FROM_FFMPEG = {
    "mp3": {"comment"},  # ffmpeg invents its own frame for this
    "aiff": {"comment"},
    "flac": {"isrc", "bpm"},
    "ogg": {"isrc", "bpm"},
    "opus": {"isrc", "bpm"},
    "m4a": {"isrc", "bpm", "label"},
    "wma": {"isrc", "bpm", "date"},
    "wav": {"isrc", "bpm", "label", "albumartist", "discnumber", "composer"},
}
FULL = Tags({name: (value,) for name, value in READ.items()}, None)
STEMS = {
    "wav": OutputFormat(".wav", "WAV", encoding_for("PCM_24")),
    "float.wav": OutputFormat(".wav", "WAV", encoding_for("FLOAT")),
    "flac": OutputFormat(".flac", "FLAC", encoding_for("PCM_24")),
    "aiff": OutputFormat(".aiff", "AIFF", encoding_for("PCM_24")),
    "float.aiff": OutputFormat(".aiff", "AIFF", encoding_for("FLOAT")),
    "caf": OutputFormat(".caf", "CAF", encoding_for("PCM_24")),
    "rf64.wav": OutputFormat(".wav", "RF64", encoding_for("FLOAT")),
}


def jpeg(size: int = 16) -> bytes:
    """A red square."""
    out = BytesIO()
    Image.new("RGB", (size, size), (200, 30, 30)).save(out, "JPEG")
    return out.getvalue()


def written_stem(folder: Path, name: str, samples: int = 1001, channels: int = 1) -> Path:
    """A stem of noise in one of `STEMS`' formats, without tags."""
    output = STEMS[name]
    path = folder / f"{name.partition('.')[0]}{output.suffix}"
    with StemWriter(path, output, 44100, channels) as writer:
        if output.encoding.bits:
            writer.write((noise(1, samples, channels, 0.9) * 2.0**23).astype(np.int32) << 8)
        else:
            writer.write(noise(1, samples, channels, 2.0).astype(np.float64))
    return path


def tagged_recording(folder: Path, suffix: str, tags: dict[str, str], cover: bytes = b"") -> Path:
    """A short tone, made and tagged by ffmpeg."""
    path, picture = folder / f"a.{suffix}", folder / "cover.jpg"
    inputs = ["-f", "lavfi", "-i", "sine=duration=0.3"]
    if cover:
        picture.write_bytes(cover)
        inputs += ["-i", str(picture), "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"]
    named = [word for name, value in tags.items() for word in ("-metadata", f"{name}={value}")]
    options = ["-write_id3v2", "1"] if suffix == "aiff" else []
    command = [ffmpeg.find_tool("ffmpeg"), "-nostdin", "-v", "error", "-y", *inputs, *options, *named, str(path)]
    subprocess.run(command, check=True, timeout=60)
    return path


def written_mp3(path: Path, tag: bytes = b"", end: bytes = b"") -> Path:
    """Noise, with `tag` at its head and `end` at its end."""
    soundfile.write(path, noise(1, 5000, 1).T, 44100, format="MP3")
    path.write_bytes(tag + path.read_bytes() + end)
    return path


def id3_tag(version: int, body: bytes, flags: int = 0) -> bytes:
    """A tag of version 2.`version` with frames as its `body`."""
    return b"ID3" + bytes([version, 0, flags]) + seven_bits(len(body)) + body


def seven_bits(size: int) -> bytes:
    """A size as ID3 writes it."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3_frame(name: bytes, data: bytes, flags: int = 0) -> bytes:
    """Of version 2.3."""
    return name + len(data).to_bytes(4) + flags.to_bytes(2) + data


def ffmpeg_tags(path: Path) -> dict[str, str]:
    """Tags as ffmpeg reads them, names in lower case."""
    command = [ffmpeg.find_tool("ffprobe"), "-v", "error", "-show_entries", "format_tags", "-of", "default=nk=0:nw=1"]
    result = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True, timeout=60)
    lines = (line.removeprefix("TAG:").partition("=") for line in result.stdout.splitlines())
    return {name.lower(): value for name, _, value in lines}
