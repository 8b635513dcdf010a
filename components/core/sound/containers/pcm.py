"""Containers of PCM samples: wav and its long forms, aiff, w64, caf, au."""

import struct

from components.core.sound.containers.byte_file import (
    ByteFile,
    Chunk,
    chunks,
    guid,
    is_placeholder,
    named_first,
    require_whole,
)
from components.core.sound.containers.container import Container

_EXTENSIBLE = 0xFFFE


def read_wav(file: ByteFile) -> Container:
    """Check RIFF; RIFX (the same, big-endian); RF64 and BW64, which have 64 bits of size in ds64 (ITU-R BS.2088)."""
    long, mask, order = 0, 0, ">" if file.at(file.start, 4) == b"RIFX" else "<"
    for chunk in chunks(file, file.start + 12, named_first(order + "4sI"), align=2):
        if chunk.name == b"fmt ":
            mask = _read_format(file, chunk, order)
        if chunk.name == b"ds64":
            long = int.from_bytes(file.at(chunk.start + 8, 8), "little")
        if chunk.name == b"data":
            data = Chunk(chunk.name, chunk.start, long or chunk.size)
            require_whole(file, data)
            _require_full_size(file, data)
            break
    return Container(mask=mask)


def _read_format(file: ByteFile, chunk: Chunk, order: str) -> int:
    """Return the mask of the speakers; raises DamagedFile when the format is impossible."""
    tag, channels, rate = file.fields(order + "HHI", chunk.start)
    if not channels or not 0 < rate < 1 << 31:
        raise file.damaged(f"its header says {channels:,} channels at {rate:,} Hz")
    is_extended = tag == _EXTENSIBLE and chunk.size >= 40
    return file.fields(order + "I", chunk.start + 20)[0] if is_extended else 0


def _require_full_size(file: ByteFile, chunk: Chunk) -> None:
    """Raise DamagedFile for a size that overflowed 32 bits: decoders would read only the remainder."""
    if not is_placeholder(chunk.size) and file.size - chunk.end >= 1 << 32:
        raise file.damaged("its header can't tell how long it is (4 GiB and more): make it a rf64, w64 or flac file")


def read_aiff(file: ByteFile) -> Container:
    """Check AIFF and AIFF-C."""
    for chunk in chunks(file, file.start + 12, named_first(">4sI"), align=2):
        if chunk.name == b"SSND":
            require_whole(file, chunk)
    return Container()


def read_w64(file: ByteFile) -> Container:
    """Check Sony Wave64: its chunks are named by GUIDs, which begin with the names that wav uses."""
    mask = 0
    for chunk in chunks(file, file.start + 40, guid, align=8):
        if chunk.name.startswith(b"fmt "):
            mask = _read_format(file, chunk, "<")
        if chunk.name.startswith(b"data"):
            require_whole(file, chunk)
            break
    return Container(mask=mask)


def read_caf(file: ByteFile) -> Container:
    """Check Apple's Core Audio Format."""
    mask = 0
    for chunk in chunks(file, file.start + 8, named_first(">4sQ")):
        if chunk.name == b"chan":
            tag, bitmap = file.fields(">II", chunk.start)
            mask = bitmap if tag == 1 << 16 else _CAF_LAYOUTS.get(tag, 0)
        if chunk.name == b"data":
            require_whole(file, chunk)
            break
    return Container(mask=mask)


def read_au(file: ByteFile) -> Container:
    """Check Sun's audio format, of either byte order."""
    order = ">" if file.at(file.start, 1) == b"." else "<"
    begin, size = struct.unpack(order + "II", file.at(file.start + 4, 8).ljust(8, b"\0"))
    require_whole(file, Chunk(b"data", file.start + begin, size))
    return Container()


_CAF_LAYOUTS = {
    (108 << 16) | 4: 0x33,
    (117 << 16) | 5: 0x37,
    (121 << 16) | 6: 0x3F,
}
"""Layout tags of CAF whose channels have the order of WAVE: quadraphonic, MPEG 5.0 A and MPEG 5.1 A."""
