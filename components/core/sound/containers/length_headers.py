"""Containers of which only the stated length is checked: asf, matroska, mp3, wavpack, tta, ape, dsf."""

import re

from components.core.sound.containers.byte_file import ByteFile, chunks, guid, require_whole
from components.core.sound.containers.container import Container

_FRAMES_TO_LACK = 10  # of an mp3: the header's own frame, delay and padding, and a few damaged ones
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
EBML, _SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")
# the header of a layer III frame, and behind its side information the number of frames that follow
_MP3_HEADER = re.compile(
    rb"\xff([\xe2\xe3\xf2\xf3\xfa\xfb])..(?:.{9}|.{17}|.{32})"
    rb"(?:(?:Xing|Info)\0\0\0[\x01\x03\x05\x07\x09\x0b\x0d\x0f]|VBRI.{10})(.{4})",
    re.DOTALL,
)
_MPEG_1 = (b"\xfa", b"\xfb")
_DSD_IN_WAVPACK = 1 << 31


def read_asf(file: ByteFile) -> Container:
    """Check the object Data, which holds the packets (Advanced Systems Format specification, 5.1)."""
    for chunk in chunks(file, file.start, guid):
        if chunk.name == _ASF_DATA:
            require_whole(file, chunk)
            break
    return Container()


def read_matroska(file: ByteFile) -> Container:
    """Check the second element, which holds everything after the header (RFC 9559, 4.5)."""
    for chunk in chunks(file, file.start, _element):
        if chunk.name == _SEGMENT:
            require_whole(file, chunk)
            break
    return Container()


def _element(head: bytes) -> tuple[bytes, int, int]:
    """Read a name and a size; leading zeros give the length of each, all ones an unknown size (RFC 8794, 4 to 6)."""
    name_length = 9 - head[0].bit_length()
    size_length = 9 - head[name_length].bit_length()
    ones = (1 << 7 * size_length) - 1
    size = int.from_bytes(head[name_length : name_length + size_length], "big") & ones
    return head[:name_length], name_length + size_length, 1 << 56 if size == ones else size


def read_mp3(file: ByteFile) -> Container:
    """Read the number of frames in the first frame (http://gabriel.mp3-tech.org/mp3infotag.html; Fraunhofer's VBRI)."""
    found = _MP3_HEADER.search(file.at(file.start, 4096))
    if found is None:
        return Container()
    frames = int.from_bytes(found[2], "big") - _FRAMES_TO_LACK
    return Container(least=max(0, frames) * (1152 if found[1] in _MPEG_1 else 576))


def read_wavpack(file: ByteFile) -> Container:
    """Read the length in the header of the first block (WavPack 4 & 5 Binary File Format, 2.0)."""
    _, high, low, _, _, flags = file.fields("<BBIIII", file.start + 10)
    is_unknown = low == 0xFFFFFFFF or flags & _DSD_IN_WAVPACK
    return Container(least=0 if is_unknown else low + (high << 32) - high)


def read_tta(file: ByteFile) -> Container:
    """Read the length in the header of True Audio (TTA1 format description)."""
    return Container(least=file.fields("<I", file.start + 14)[0])


def read_ape(file: ByteFile) -> Container:
    """Read the length in the header of Monkey's Audio, from version 3.98 on."""
    (version,) = file.fields("<H", file.start + 4)
    if version < 3980:
        return Container()
    (before,) = file.fields("<I", file.start + 8)
    blocks, last, frames = file.fields("<III", file.start + before + 4)
    return Container(least=max(0, frames - 1) * blocks + last if frames else 0)


def read_dsf(file: ByteFile) -> Container:
    """Read the length in the chunk fmt (DSF File Format Specification 1.01); ffmpeg returns a sample for 8 bits."""
    return Container(least=file.fields("<Q", file.start + 64)[0] // 8)
