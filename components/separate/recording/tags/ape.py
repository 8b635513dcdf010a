"""APEv2 tags (Monkey's Audio, WavPack, Musepack, TAK, mp3), at the end of a file, before an ID3v1 tag if there is one.

mutagen's parser takes time that grows with the square of a name's length, so it is not given files from outside.

Source: APEv2 specification (https://wiki.hydrogenaudio.org/index.php?title=APEv2_specification).
"""

import struct
from collections.abc import Iterator

from components.separate.recording.tags.bounded_file import BoundedFile
from components.separate.recording.tags.copied_tags import Found
from components.separate.recording.tags.fields import name_texts

_FOOTER = struct.Struct("<8s4I8x")
_ID3V1_BYTES = 128
_MOST_ITEMS = 1000
_LONGEST_NAME = 255
_KIND, _TEXT, _BINARY = 6, 0, 2
_FRONT = 3


def read_ape(file: BoundedFile) -> Found:
    """Return the tags of an APEv2 tag; none when the file has no such tag."""
    items = list(_read_items(_read_tag(file)))
    texts = ((name, value) for name, kind, data in items if kind == _TEXT for value in _values(data))
    pictures = [
        (_FRONT, data.partition(b"\0")[2])
        for name, kind, data in items
        if kind == _BINARY and name.lower() == "cover art (front)"
    ]
    return Found(name_texts(texts), pictures)


def _values(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").split("\0")


def _read_tag(file: BoundedFile) -> bytes:
    """Return the items of the tag; nothing when there is none."""
    size = file.seek(0, 2)
    for end in (size, size - _ID3V1_BYTES):
        if end < _FOOTER.size:
            continue
        file.seek(end - _FOOTER.size)
        magic, _, length, _, _ = _FOOTER.unpack(file.read(_FOOTER.size))
        if magic == b"APETAGEX" and _FOOTER.size <= length <= end:
            file.seek(end - length)
            return file.read(length - _FOOTER.size)
    return b""


def _read_items(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Yield name, kind and content of each item; the first that is damaged ends them."""
    place = 0
    for _ in range(_MOST_ITEMS):
        end_of_name = data.find(b"\0", place + 8, place + 8 + _LONGEST_NAME + 1)
        if end_of_name < 0:
            return
        size, flags = struct.unpack_from("<II", data, place)
        name, start = data[place + 8 : end_of_name], end_of_name + 1
        place = start + size
        if place > len(data):
            return
        yield name.decode("latin-1"), flags & _KIND, data[start:place]
