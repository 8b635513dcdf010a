"""ID3 tags (mp3, aiff, wav), reduced to the frames that are copied before mutagen parses them.

The time of mutagen's parser grows with the square of the number of frames, and it unpacks compressed frames to any
size. So a tag is read once here: compressed, encrypted, too large and too many frames are left out, and the others are
joined to a tag of version 2.3.

Sources: the ID3 standards 2.2.0, 2.3.0 and 2.4.0 (id3.org).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO

from mutagen.id3 import ID3, ID3NoHeaderError

from components.separate.recording.tags.bounded_file import BoundedFile
from components.separate.recording.tags.copied_tags import Found
from components.separate.recording.tags.fields import FIELDS, merge_texts, name_texts

_HEADER_BYTES = 10
_MOST_FRAMES = 10_000
_MOST_PICTURES = 8
_MOST_TEXTS = 5000
_TEXT_BYTES = 262_144  # of all text frames together

_FRAMES_OF_2_2 = {
    b"TT2": b"TIT2",
    b"TP1": b"TPE1",
    b"TP2": b"TPE2",
    b"TAL": b"TALB",
    b"TRK": b"TRCK",
    b"TPA": b"TPOS",
    b"TYE": b"TYER",
    b"TDA": b"TDAT",
    b"TIM": b"TIME",
    b"TCO": b"TCON",
    b"TCM": b"TCOM",
    b"TRC": b"TSRC",
    b"TCR": b"TCOP",
    b"TPB": b"TPUB",
    b"TBP": b"TBPM",
    b"COM": b"COMM",
    b"TKE": b"TKEY",
    b"ULT": b"USLT",
    b"TT1": b"TIT1",
    b"TT3": b"TIT3",
    b"TP3": b"TPE3",
    b"TP4": b"TPE4",
    b"TXT": b"TEXT",
    b"TOA": b"TOPE",
    b"TOR": b"TORY",
    b"TLA": b"TLAN",
    b"TMT": b"TMED",
    b"TCP": b"TCMP",
    b"TST": b"TSOT",
    b"TSP": b"TSOP",
    b"TSA": b"TSOA",
    b"TS2": b"TSO2",
    b"TSC": b"TSOC",
    b"TXX": b"TXXX",
    b"UFI": b"UFID",
    b"IPL": b"IPLS",
}
_PLAIN_FRAMES = tuple(field for field in FIELDS if len(field.id3) == 4 and field.id3 not in ("COMM", "USLT"))
_TEXT_FRAMES = frozenset(
    [b"TYER", b"TDAT", b"TIME", b"TORY", b"TXXX", b"IPLS", b"TMCL", *(field.id3[:4].encode() for field in FIELDS)]
)

MUSICBRAINZ = "http://musicbrainz.org"
"""The owner of the frame UFID that holds MusicBrainz's id of a recording."""

_COMMENTS = ("", "ID3v1 Comment")
"""Descriptions of comments by people; under other descriptions programs store their own data."""

_UNSYNCHRONISED, _EXTENDED = 0x80, 0x40  # flags of a tag
_ESCAPED = 0x02  # flag of a frame of 2.4: unsynchronised
_NAME = re.compile(rb"[A-Z0-9]{4}")

Frame = tuple[bytes, bytes]
"""A frame: its name as in 2.3, and its content."""


def read_id3v2(file: BoundedFile) -> bytes:
    """Return the whole ID3v2 tag at the position of `file`; nothing when there is none."""
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(b"ID3"):
        return b""
    return header + file.read(_seven_bits(header[6:]))


def parse_id3(tag: bytes, end: bytes = b"") -> Found:
    """Return the tags of an ID3v2 tag or, when it has none, of an ID3v1 tag in `end`, the last bytes of a file."""
    try:
        id3 = ID3(BytesIO(_reduced(tag) + end))
    except ID3NoHeaderError:
        return Found({})
    texts = {field.name: [value for frame in id3.getall(field.id3) for value in frame.text] for field in _PLAIN_FRAMES}
    texts["comment"] = [value for frame in id3.getall("COMM") if frame.desc in _COMMENTS for value in frame.text]
    texts["lyrics"] = [frame.text for frame in id3.getall("USLT")]
    texts["musicbrainz_trackid"] = [
        frame.data.decode("ascii", "replace") for frame in id3.getall(f"UFID:{MUSICBRAINZ}")
    ]
    named = name_texts([*_described_texts(id3), *_people(id3)])
    pictures = [(int(picture.type), picture.data) for picture in id3.getall("APIC")]
    return Found(merge_texts(texts, named), pictures)


def _described_texts(id3: ID3) -> Iterator[tuple[str, object]]:
    for frame in id3.getall("TXXX"):
        for value in frame.text:
            yield frame.desc, value


def _people(id3: ID3) -> Iterator[tuple[str, object]]:
    """Yield roles and names; musicians are performers, with their instrument as Vorbis comments have it."""
    for frame in id3.getall("TIPL"):
        for pair in frame.people:
            if len(pair) == 2:
                yield pair[0], pair[1]
    for frame in id3.getall("TMCL"):
        for pair in frame.people:
            if len(pair) == 2:
                yield "performer", f"{pair[1]} ({pair[0]})" if pair[0] else pair[1]


def _reduced(tag: bytes) -> bytes:
    """Return a tag of version 2.3 with the frames that are copied; nothing when there are none."""
    kept = b"".join(name + len(data).to_bytes(4) + bytes(2) + data for name, data in _kept(_frames(tag)))
    size = bytes(len(kept) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + kept if kept else b""


def _kept(frames: Iterable[Frame]) -> Iterator[Frame]:
    text_left, texts_left, pictures_left = _TEXT_BYTES, _MOST_TEXTS, _MOST_PICTURES
    for name, data in frames:
        if name == b"APIC" and pictures_left:
            pictures_left -= 1
            yield name, data
        elif name in _TEXT_FRAMES and len(data) <= text_left and texts_left:
            text_left -= len(data)
            texts_left -= 1
            yield name, data


@dataclass(frozen=True)
class _Version:
    """The layout of frames in a version of ID3.

    header   bytes of a frame's header
    name     bytes of the name in it
    size     returns the size of the frame at a position
    content  turns name, flags and content into a frame of 2.3; None for one that can't be read
    """

    header: int
    name: int
    size: Callable[[bytes, int], int]
    content: Callable[[bytes, int, bytes], Frame | None]


def _frames(tag: bytes) -> Iterator[Frame]:
    """Yield the frames of a tag that can be read."""
    version = _VERSIONS.get(tag[3]) if len(tag) > _HEADER_BYTES else None
    if version is None:
        return
    body, position = _body(tag)
    escaped = _ESCAPED if tag[5] & _UNSYNCHRONISED else 0
    for _ in range(_MOST_FRAMES):
        start = position + version.header
        end = start + version.size(body, position)
        if end > len(body) or body[position] == 0:
            return
        name, flags = body[position : position + version.name], body[start - 1] | escaped
        if frame := version.content(name, flags, body[start:end]):
            yield frame
        position = end


def _body(tag: bytes) -> tuple[bytes, int]:
    """Return the bytes after a tag's header, and the position of the first frame in them."""
    version, flags = tag[3], tag[5]
    body = tag[_HEADER_BYTES:]
    if flags & _UNSYNCHRONISED and version < 4:
        body = _synchronised(body)
    if version == 2:
        return (b"\0", 0) if flags & _EXTENDED else (body, 0)  # in 2.2 the flag means that the whole tag is compressed
    if not flags & _EXTENDED or _NAME.match(body):  # some programs set the flag only
        return body, 0
    return body, 4 + int.from_bytes(body[:4]) if version == 3 else _seven_bits(body[:4])


def _frame_of_2_2(name: bytes, _: int, data: bytes) -> Frame | None:
    if name == b"PIC":  # three letters for the kind of file
        return b"APIC", data[:4] + b"\0" + data[4:]
    return (_FRAMES_OF_2_2[name], data) if name in _FRAMES_OF_2_2 else None


def _frame_of_2_3(name: bytes, flags: int, data: bytes) -> Frame | None:
    return None if flags & 0xE0 else (name, data)  # compressed, encrypted, in a group


def _frame_of_2_4(name: bytes, flags: int, data: bytes) -> Frame | None:
    if flags & 0x4C:  # in a group, compressed, encrypted
        return None
    data = data[4:] if flags & 0x01 else data  # its size once more
    return name, _synchronised(data) if flags & _ESCAPED else data


def _size_of_2_4(body: bytes, position: int) -> int:
    """Return a size of seven bits a byte; iTunes wrote eight, which is detected by the frame that must follow."""
    size = body[position + 4 : position + 8]
    seven, eight = _seven_bits(size), int.from_bytes(size)
    is_itunes = not _may_begin(body, position + 10 + seven) and _may_begin(body, position + 10 + eight)
    return eight if is_itunes else seven


def _may_begin(body: bytes, position: int) -> bool:
    """Return whether a frame, padding or the end can be at `position`."""
    return position == len(body) or body[position : position + 1] == b"\0" or _NAME.match(body, position) is not None


def _seven_bits(data: bytes) -> int:
    """Return the number in four bytes of seven bits each."""
    return sum((byte & 0x7F) << shift for byte, shift in zip(data[:4], (21, 14, 7, 0), strict=False))


def _synchronised(data: bytes) -> bytes:
    """Remove the zeros after 255s; data that was never escaped stays as it is."""
    return data if re.search(rb"\xff[\xe0-\xff]", data) else data.replace(b"\xff\0", b"\xff")


_VERSIONS: Mapping[int, _Version] = {
    2: _Version(6, 3, lambda body, at: int.from_bytes(body[at + 3 : at + 6]), _frame_of_2_2),
    3: _Version(10, 4, lambda body, at: int.from_bytes(body[at + 4 : at + 8]), _frame_of_2_3),
    4: _Version(10, 4, _size_of_2_4, _frame_of_2_4),
}
