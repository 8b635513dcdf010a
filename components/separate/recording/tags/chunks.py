"""Chunks, as WAV and AIFF files are made of: a name of four bytes, a size, the content."""

import struct
from collections.abc import Iterator

from components.separate.recording.tags.bounds import BoundedFile

_MOST_CHUNKS = 1000
_FORM_BYTES = 12  # RIFF, its size, WAVE


def find_chunks(file: BoundedFile, order: str) -> Iterator[tuple[bytes, int]]:
    """Yield the name and size of each chunk of a RIFF or FORM, with `file` at the start of its content.

    `order` is that of the sizes' bytes as `struct` has it, '<' or '>'. A file cut short just ends.
    """
    position = _FORM_BYTES
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return
        name, size = struct.unpack(f"{order}4sI", header)
        yield name, size
        position += 8 + size + size % 2


def split_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each chunk within a list of a RIFF; `data` begins after the list's name."""
    position = 0
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        yield name, data[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
