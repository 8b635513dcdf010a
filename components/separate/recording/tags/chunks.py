"""The chunks of wav, aiff and caf files: those that stems of the same format keep, and how chunks are appended.

Sources: EBU Tech 3285 (bext), EBU Tech 3306 (RF64), iXML 3.0, Multimedia Programming Interface and Data
Specifications 1.0 (cue, adtl), Audio Interchange File Format 1.3 (MARK), Apple Core Audio Format Specification 1.0.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from components.separate.recording.tags.copied_tags import FileChunk

CHUNK_BYTES = 1_000_000
"""Larger chunks are left out."""

OF_WAV = frozenset({b"bext", b"iXML", b"cue ", b"smpl", b"plst"})
OF_AIFF = frozenset({b"MARK", b"COMT", b"INST"})
"""Chunks whose places are counted in samples, which a stem shares with its recording, and the history of the sound."""

_TEXTS_OF_BEXT = {
    "description": (0, 256),
    "originator": (256, 288),
    "originator_reference": (288, 320),
    "origination_date": (320, 330),
    "origination_time": (330, 338),
}
_TIME_REFERENCE = 338
_UMID = slice(348, 412)
_LOUDNESS = slice(412, 422)
_CODING_HISTORY = 602
_NO_LOUDNESS = b"\xff\x7f" * 5


def read_chunk(name: bytes, data: bytes) -> FileChunk:
    """Return a chunk as it is copied: bext loses what is true of the recording alone, its UMID and its loudness."""
    if name != b"bext" or len(data) < _CODING_HISTORY:
        return FileChunk(name, data)
    changed = bytearray(data)
    changed[_UMID] = bytes(64)
    changed[_LOUDNESS] = _NO_LOUDNESS
    return FileChunk(name, bytes(changed))


def describe_bext(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the texts of a chunk bext, for formats without it; the time reference counts samples since midnight."""
    for name, (start, end) in _TEXTS_OF_BEXT.items():
        text = _text(data[start:end])
        if text:
            yield name, text
    if len(data) >= _CODING_HISTORY:
        yield "time_reference", str(int.from_bytes(data[_TIME_REFERENCE : _TIME_REFERENCE + 8], "little"))
        history = _text(data[_CODING_HISTORY:])
        if history:
            yield "coding_history", history


def _text(data: bytes) -> str:
    return data.split(b"\0")[0].decode("utf-8", "replace").strip()


def append_chunks(path: Path, chunks: Iterable[FileChunk]) -> None:
    """Append chunks to a WAV, RF64 or AIFF, and enter the new size in its header. Raises OSError."""
    with path.open("r+b") as file:
        form = file.read(4)
        order = ">" if form == b"FORM" else "<"
        end = file.seek(0, os.SEEK_END)
        file.write(bytes(end % 2))
        for chunk in chunks:
            file.write(struct.pack(f"{order}4sI", chunk.name, len(chunk.data)) + chunk.data)
            file.write(bytes(len(chunk.data) % 2))
        size = file.tell() - 8
        if form == b"RF64":
            file.seek(20)  # ds64 is the first chunk
            file.write(struct.pack("<Q", size))
        else:
            file.seek(4)
            file.write(struct.pack(f"{order}I", size))


def append_to_caf(path: Path, name: bytes, data: bytes) -> None:
    """Append a chunk to a CAF, where chunks have no padding: a byte that libsndfile adds is removed. Raises OSError."""
    with path.open("r+b") as file:
        file.truncate(_end_of_caf(file))
        file.seek(0, os.SEEK_END)
        file.write(struct.pack(">4sQ", name, len(data)) + data)


def _end_of_caf(file: BinaryIO) -> int:
    """Return where the last chunk ends."""
    size = file.seek(0, os.SEEK_END)
    place = 8
    while place + 12 <= size:
        file.seek(place)
        _, length = struct.unpack(">4sQ", file.read(12))
        place += 12 + length
    return min(place, size)
