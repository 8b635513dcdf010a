"""Limit bytes and reads when untrusted tags are parsed, and find the chunks of wav and aiff files."""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

_BYTES = 64_000_000
_READS = 20_000
_MOST_CHUNKS = 1000
_FORM_BYTES = 12  # RIFF, its size, WAVE
_IN_DS64 = 0xFFFFFFFF


class BoundedFile:
    """A file for tag parsers; raises OSError beyond the limits."""

    def __init__(self, file: BinaryIO, most_bytes: int = _BYTES, most_reads: int = _READS) -> None:
        """Allow reading `most_bytes` of `file` in at most `most_reads` calls."""
        self._file = file
        self._bytes, self._reads = most_bytes, most_reads

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; all that are left when `size` is negative."""
        data = self._file.read(min(size, self._bytes + 1) if size >= 0 else self._bytes + 1)
        self._bytes -= len(data)
        self._reads -= 1
        if self._bytes < 0 or self._reads < 0:
            raise OSError("tags exceed the reading limits")
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as in any file; this counts as no read."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._file.tell()


def find_chunks(file: BoundedFile, order: str) -> Iterator[tuple[bytes, int]]:
    """Yield name and size of each chunk of a RIFF, RF64 or FORM file, with `file` at the start of its content.

    `order` is the byte order of the sizes as in `struct`, '<' or '>'. A truncated file ends the chunks. RF64 has the
    size of the chunk data in ds64 (EBU Tech 3306).
    """
    position, long = _FORM_BYTES, 0
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return
        name, size = struct.unpack(f"{order}4sI", header)
        if name == b"ds64":
            long = int.from_bytes(file.read(16)[8:], "little")
            file.seek(position + 8)
        elif name == b"data" and size == _IN_DS64:
            size = long
        yield name, size
        position += 8 + size + size % 2


def split_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each chunk in a list of a RIFF file; `data` begins after the list's name."""
    position = 0
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        yield name, data[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
