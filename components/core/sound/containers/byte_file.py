"""A file that is read a few bytes at a time, and the chunks that most containers consist of."""

import os
import struct
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from components.core.sound.errors import DamagedFile

_MOST_CHUNKS = 10_000
_LARGEST_HEADER = 24
_MOST_TAGS = 8


@dataclass(frozen=True)
class ByteFile:
    """A file, opened for reading; `start` is where its audio begins, behind any ID3v2 tags."""

    path: Path
    handle: BinaryIO
    size: int
    start: int

    @classmethod
    def of(cls, path: Path, handle: BinaryIO) -> "ByteFile":
        """Return the file at `path`, which `handle` has open."""
        return cls(path, handle, path.stat().st_size, find_audio_start(handle))

    def at(self, place: int, size: int) -> bytes:
        """Return up to `size` bytes at `place`; none beyond the end, where a system may refuse to seek."""
        self.handle.seek(min(place, self.size))
        return self.handle.read(max(0, size))

    def fields(self, layout: str, place: int) -> tuple[int, ...]:
        """Return the numbers at `place`; those beyond the end of the file are 0."""
        size = struct.calcsize(layout)
        return struct.unpack(layout, self.at(place, size).ljust(size, b"\0"))

    def damaged(self, reason: str) -> DamagedFile:
        """Return the error that says why the file is damaged."""
        return DamagedFile(self.path, reason)


def find_audio_start(file: BinaryIO) -> int:
    """Return the start of the audio in `file`: after any ID3v2 tags (https://id3.org/id3v2.4.0-structure, 3.1)."""
    start = 0
    for _ in range(_MOST_TAGS):
        file.seek(start)
        header = file.read(10)
        if len(header) < 10 or not header.startswith(b"ID3"):
            break
        # four times seven bits
        start += 10 + sum((byte & 0x7F) << shift for byte, shift in zip(header[6:], (21, 14, 7, 0), strict=True))
    return start


@dataclass(frozen=True)
class Chunk:
    """A part of a file; `start` and `size` are those of its content, which follows the chunk's header."""

    name: bytes
    start: int
    size: int

    @property
    def end(self) -> int:
        """The position at which its content ends."""
        return self.start + self.size


ReadHeader = Callable[[bytes], tuple[bytes, int, int]]
"""Reads the first bytes of a chunk: its name, the size of its header, and the size of its content."""


def chunks(file: ByteFile, start: int, header: ReadHeader, align: int = 1, end: int | None = None) -> Iterator[Chunk]:
    """Yield the chunks that follow each other from `start` on, up to `end` or the end of the file."""
    for _ in range(_MOST_CHUNKS):
        head = file.at(start, _LARGEST_HEADER) if end is None or start < end else b""
        if not head:
            return
        name, before, size = header(head.ljust(_LARGEST_HEADER, b"\0"))
        yield Chunk(name, start + before, size)
        start += before + size
        start += -start % align


def named_first(pack: str) -> ReadHeader:
    """Return a reader of chunks that begin with a name and the size of the content."""
    layout = struct.Struct(pack)

    def read(head: bytes) -> tuple[bytes, int, int]:
        name, size = layout.unpack_from(head)
        return name, layout.size, size

    return read


def guid(head: bytes) -> tuple[bytes, int, int]:
    """Read a GUID and a size that includes both of them."""
    name, size = struct.unpack("<16sQ", head)
    return name, len(head), max(0, size - len(head))


def require_whole(file: ByteFile, chunk: Chunk) -> None:
    """Raise DamagedFile when the file ends within `chunk`."""
    if not is_placeholder(chunk.size) and chunk.end > file.size:
        raise file.damaged(f"truncated: its header promises {chunk.end:,} bytes, but it has {file.size:,}")


def is_placeholder(size: int) -> bool:
    """Return whether a size is a placeholder: a program that writes to a pipe can't go back to fill in the header.

    ffmpeg leaves all ones; sox and others leave the largest signed number, less a header or a block.
    """
    return size == 0 or 0x7F000000 <= size <= 0x80000000 or 0xFFFFF000 <= size <= 0xFFFFFFFF or size >= 1 << 56


class PartialFile:
    """A part of a file, read as a file of its own, with some of its bytes replaced; for libsndfile.

    An error of the disk is kept in `error`, since libsndfile lets none through.
    """

    def __init__(self, path: Path, start: int, end: int, changes: tuple[tuple[int, bytes], ...]) -> None:
        """Read the bytes from `start` to `end`; `changes` holds places, sorted, and the bytes that stand there."""
        self._file, self._start, self._size, self._place = path.open("rb"), start, end - start, 0
        self._places, self._changes = [place for place, _ in changes], changes
        self.error: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes, fewer only at the end."""
        left = self._size - self._place
        size = left if size < 0 else min(size, left)
        try:
            self._file.seek(self._start + self._place)
            data = self._file.read(size)
        except OSError as error:
            self.error, data = error, b""
        first = self._start + self._place
        self._place += len(data)
        return self._changed(data, first)

    def readinto(self, buffer: bytearray) -> int:
        """Fill `buffer` with the next bytes; return how many there were."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        """Move to `place`."""
        self._place = max(0, place + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence])
        return self._place

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._place

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _changed(self, data: bytes, first: int) -> bytes:
        changed = bytearray(data)
        for place, new in self._changes[max(0, bisect_left(self._places, first) - 1) :]:
            if place >= first + len(data):
                break
            begin, end = max(place, first), min(place + len(new), first + len(data))
            if begin < end:
                changed[begin - first : end - first] = new[begin - place : end - place]
        return bytes(changed)
