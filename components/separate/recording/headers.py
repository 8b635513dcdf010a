"""The length that a file's header promises; inspection.py compares it with the decoded length.

Decoders stop early at the end of a truncated file, and raise no error.
Only sizes and positions are read, a few bytes at a time; nothing is decoded. A file that this module does not
understand promises nothing; whether it is audio is found out by the decoders.
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from components.core.sound.decoding import find_audio_start

_MOST_CHUNKS = 10_000
_LARGEST_HEADER = 24
_FRAMES_TO_LACK = 10  # of an mp3: the header's own frame, delay and padding, and a few damaged ones
_LARGEST_PAGE = 65_307  # of ogg
_END_OF_STREAM = 4
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_EBML, _SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")
# the header of a layer III frame, and behind its side information the number of frames that follow
_MP3_HEADER = re.compile(
    rb"\xff([\xe2\xe3\xf2\xf3\xfa\xfb])..(?:.{9}|.{17}|.{32})"
    rb"(?:(?:Xing|Info)\0\0\0[\x01\x03\x05\x07\x09\x0b\x0d\x0f]|VBRI.{10})(.{4})",
    re.DOTALL,
)
_MPEG_1 = (b"\xfa", b"\xfb")


class BrokenPromise(Exception):  # noqa: N818 (a finding)
    """The file is shorter than its header promises; the message says how."""


@dataclass(frozen=True)
class _File:
    handle: BinaryIO
    size: int

    def at(self, place: int, size: int) -> bytes:
        """Return up to `size` bytes at `place`; none beyond the end, where a system may refuse to seek."""
        self.handle.seek(min(place, self.size))
        return self.handle.read(size)


@dataclass(frozen=True)
class _Chunk:
    """A part of a file; `start` and `size` are those of its content, which follows the chunk's header."""

    name: bytes
    start: int
    size: int


_Header = Callable[[bytes], tuple[bytes, int, int]]
"""Reads the first bytes of a chunk: its name, the size of its header, and the size of its content."""


def promised_samples(path: Path) -> int:
    """Return the least number of samples per channel that the header of `path` promises; 0 when it promises none.

    Raises BrokenPromise when the file is shorter than its header promises.
    """
    with path.open("rb") as handle:
        file = _File(handle, path.stat().st_size)
        start = find_audio_start(handle)
        head = file.at(start, 16)
        for place, magic, reader in _READERS:
            if head.startswith(magic, place):
                return reader(file, start)
        return _mp3(file, start)


def _require_whole(file: _File, chunk: _Chunk) -> None:
    if not _is_placeholder(chunk.size) and chunk.start + chunk.size > file.size:
        raise BrokenPromise(
            f"truncated: its header promises {chunk.start + chunk.size:,} bytes, but it has {file.size:,}"
        )


def _is_placeholder(size: int) -> bool:
    """Return whether a size is a placeholder: a program that writes to a pipe can't go back to fill in the header.

    ffmpeg leaves all ones; sox and others leave the largest signed number, less a header or a block.
    """
    return size == 0 or 0x7F000000 <= size <= 0x80000000 or 0xFFFFF000 <= size <= 0xFFFFFFFF or size >= 1 << 56


def _chunks(file: _File, start: int, header: _Header, align: int = 1) -> Iterator[_Chunk]:
    for _ in range(_MOST_CHUNKS):
        head = file.at(start, _LARGEST_HEADER)
        if not head:
            return
        name, before, size = header(head.ljust(_LARGEST_HEADER, b"\0"))
        yield _Chunk(name, start + before, size)
        start += before + size
        start += -start % align


def _named_first(pack: str) -> _Header:
    """Return a reader of chunks that begin with a name and the size of the content."""
    layout = struct.Struct(pack)

    def read(head: bytes) -> tuple[bytes, int, int]:
        name, size = layout.unpack_from(head)
        return name, layout.size, size

    return read


def _guid(head: bytes) -> tuple[bytes, int, int]:
    """Read a GUID and a size that includes both of them."""
    name, size = struct.unpack("<16sQ", head)
    return name, len(head), max(0, size - len(head))


def _box(head: bytes) -> tuple[bytes, int, int]:
    """Read a size that includes the header, and a name; 1: 64 bits of size follow; 0: up to the end of the file."""
    size, name, long = struct.unpack_from(">I4sQ", head)
    before = 16 if size == 1 else 8
    whole = {0: 1 << 56, 1: long}.get(size, size)
    return name, before, max(0, whole - before)


def _wav(file: _File, start: int) -> int:
    """Check RIFF, RIFX (the same, big-endian), and RF64, which has 64 bits of size in ds64 (EBU Tech 3306)."""
    long, order = 0, ">" if file.at(start, 4) == b"RIFX" else "<"
    for chunk in _chunks(file, start + 12, _named_first(order + "4sI"), align=2):
        if chunk.name == b"fmt ":
            _require_possible(*struct.unpack(order + "HI", file.at(chunk.start + 2, 6).ljust(6, b"\0")))
        if chunk.name == b"ds64":
            long = int.from_bytes(file.at(chunk.start + 8, 8), "little")
        if chunk.name == b"data":
            data = _Chunk(chunk.name, chunk.start, long or chunk.size)
            _require_whole(file, data)
            _require_full_size(file, data)
            break
    return 0


def _require_possible(channels: int, rate: int) -> None:
    if not channels or not 0 < rate < 1 << 31:
        raise BrokenPromise(f"its header says {channels:,} channels at {rate:,} Hz")


def _require_full_size(file: _File, chunk: _Chunk) -> None:
    """Raise BrokenPromise for a size that overflowed 32 bits: decoders would read only the remainder."""
    if not _is_placeholder(chunk.size) and file.size - chunk.start - chunk.size >= 1 << 32:
        raise BrokenPromise("its header can't tell how long it is (4 GiB and more): make it a rf64, w64 or flac file")


def _aiff(file: _File, start: int) -> int:
    for chunk in _chunks(file, start + 12, _named_first(">4sI"), align=2):
        if chunk.name == b"SSND":
            _require_whole(file, chunk)
    return 0


def _w64(file: _File, start: int) -> int:
    """Check Sony Wave64: its chunks are named by GUIDs, which begin with the names that wav uses."""
    for chunk in _chunks(file, start + 40, _guid, align=8):
        if chunk.name.startswith(b"data"):
            _require_whole(file, chunk)
            break
    return 0


def _caf(file: _File, start: int) -> int:
    for chunk in _chunks(file, start + 8, _named_first(">4sQ")):
        if chunk.name == b"data":
            _require_whole(file, chunk)
            break
    return 0


def _au(file: _File, start: int) -> int:
    begin, size = struct.unpack(">II" if file.at(start, 1) == b"." else "<II", file.at(start + 4, 8).ljust(8, b"\0"))
    _require_whole(file, _Chunk(b"data", start + begin, size))
    return 0


def _flac(file: _File, start: int) -> int:
    """Read STREAMINFO, the first block: 36 bits of length follow 28 of rate, channels and depth (RFC 9639, 8.2)."""
    is_streaminfo = file.at(start + 4, 1) in (b"\x00", b"\x80")
    return int.from_bytes(file.at(start + 18, 8), "big") & ((1 << 36) - 1) if is_streaminfo else 0


def _ogg(file: _File, start: int) -> int:
    """Check the last page, which is marked as the end of the stream (RFC 3533, 6)."""
    file_end = file.at(max(start, file.size - 2 * _LARGEST_PAGE), 2 * _LARGEST_PAGE)
    page = file_end[max(0, file_end.rfind(b"OggS")) :]
    segments = page[26] if len(page) > 26 else 0
    if len(page) < 27 + segments or len(page) < 27 + segments + sum(page[27 : 27 + segments]):
        raise BrokenPromise("truncated: it ends within a page of ogg")
    if not page[5] & _END_OF_STREAM:
        raise BrokenPromise("truncated: its last page of ogg is not marked as the end")
    return 0


def _mp4(file: _File, start: int) -> int:
    """Check the boxes: moov is the index, and mdat, before or after it, the media (ISO/IEC 14496-12, 4.2)."""
    names = set()
    for chunk in _chunks(file, start, _box):
        names.add(chunk.name)
        if chunk.name in (b"moov", b"mdat", b"moof"):
            _require_whole(file, chunk)
    if b"moov" not in names:
        raise BrokenPromise("truncated: it has no index (moov)")
    return 0


def _asf(file: _File, start: int) -> int:
    """Check the object Data, which holds the packets (Advanced Systems Format specification, 5.1)."""
    for chunk in _chunks(file, start, _guid):
        if chunk.name == _ASF_DATA:
            _require_whole(file, chunk)
            break
    return 0


def _matroska(file: _File, start: int) -> int:
    """Check the second element, which holds everything after the header (RFC 9559, 4.5)."""
    for chunk in _chunks(file, start, _element):
        if chunk.name == _SEGMENT:
            _require_whole(file, chunk)
            break
    return 0


def _element(head: bytes) -> tuple[bytes, int, int]:
    """Read a name and a size; leading zeros give the length of each, all ones an unknown size (RFC 8794, 4 to 6)."""
    name_length = 9 - head[0].bit_length()
    size_length = 9 - head[name_length].bit_length()
    ones = (1 << 7 * size_length) - 1
    size = int.from_bytes(head[name_length : name_length + size_length], "big") & ones
    return head[:name_length], name_length + size_length, 1 << 56 if size == ones else size


def _mp3(file: _File, start: int) -> int:
    """Read the number of frames in the first frame (http://gabriel.mp3-tech.org/mp3infotag.html; Fraunhofer's VBRI)."""
    found = _MP3_HEADER.search(file.at(start, 4096))
    if found is None:
        return 0
    frames = int.from_bytes(found[2], "big") - _FRAMES_TO_LACK
    return max(0, frames) * (1152 if found[1] in _MPEG_1 else 576)


_READERS: tuple[tuple[int, bytes, Callable[[_File, int], int]], ...] = (
    (0, b"RIFF", _wav),
    (0, b"RIFX", _wav),
    (0, b"RF64", _wav),
    (0, b"FORM", _aiff),
    (0, b"riff", _w64),
    (0, b"caff", _caf),
    (0, b".snd", _au),
    (0, b"dns.", _au),
    (0, b"fLaC", _flac),
    (0, b"OggS", _ogg),
    (0, _ASF, _asf),
    (0, _EBML, _matroska),
    *((4, name, _mp4) for name in (b"ftyp", b"moov", b"mdat", b"moof", b"wide", b"free", b"skip")),
)
"""Position and bytes that tell a kind of file, and the reader of its header; an mp3 has no such bytes."""
