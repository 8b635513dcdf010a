"""Ogg (RFC 3533). A chained file holds several streams, its links, for example one per song. This module measures each.

A file without the end-of-stream bit is whole; a page that is cut is damage. The positions of a stream that was cut out
of a running one do not begin at 0 (RFC 7845, 4.2; Vorbis I specification, A.2).
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from components.core.sound.containers.byte_file import ByteFile
from components.core.sound.containers.container import Container, Part
from components.core.sound.containers.ogg_codecs import Codec, recognise_codec

_CAPTURE = b"OggS"
_HEADER = 27
_LARGEST_PAGE = 65_307
_FIRST, _LAST = 2, 4
_UNKNOWN = (1 << 64) - 1
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class _Page:
    """A page: its place and size, its flags, the position behind it, its stream, and the sizes in its lacing."""

    place: int
    size: int
    flags: int
    position: int
    stream: int
    lacing: bytes

    @property
    def body(self) -> int:
        """The position at which the packets begin."""
        return self.place + _HEADER + len(self.lacing)

    @property
    def body_size(self) -> int:
        """Bytes of the packets."""
        return sum(self.lacing)

    def packets(self) -> Iterator[tuple[int, int]]:
        """Yield place and size of each packet, or part of one, that ends on this page."""
        place, size = self.body, 0
        for lace in self.lacing:
            size += lace
            if lace < 255:
                yield place, size
                place, size = place + size, 0


@dataclass
class _Link:
    """Streams that lie side by side from one place on; `codec` is that of the chosen audio stream."""

    start: int
    codec: Codec | None = None
    stream: int = -1
    audio: int = 0
    pages: list[_Page] = field(default_factory=list)
    streams: int = 0


def read_ogg(file: ByteFile, stream: int) -> Container:
    """Return the links of audio stream `stream`; raises DamagedFile when the last page is cut or links differ."""
    links = [link for link in _links(file, stream) if link.codec is not None]
    if not links:
        return Container()
    codecs = [link.codec for link in links if link.codec is not None]
    for first, second in pairwise(codecs):
        if first.kind != second.kind:
            raise file.damaged(f"its links differ: {first} is followed by {second}; split it into files of one kind")
    starts = [0, *(link.start for link in links[1:])]
    ends = [*starts[1:], None]
    parts = [_part(file, link, start, end) for link, start, end in zip(links, starts, ends, strict=True)]
    return Container(
        least=sum(length for length, _ in parts),
        parts=tuple(part for _, part in parts),
        manual=codecs[0].is_manual,
        order=codecs[0].order,
        mask=codecs[0].mask,
    )


def _links(file: ByteFile, stream: int) -> list[_Link]:
    links: list[_Link] = []
    is_beginning = False
    for page in _pages(file):
        if page.flags & _FIRST:
            if not is_beginning:
                links.append(_Link(page.place))
            is_beginning = True
            _choose(file, links[-1], page, stream)
        else:
            is_beginning = False
        if links and page.stream == links[-1].stream:
            links[-1].pages.append(page)
    return links


def _choose(file: ByteFile, link: _Link, page: _Page, stream: int) -> None:
    """Take the stream that begins on `page` as the link's audio if it is audio number `stream`."""
    codec = recognise_codec(file.at(page.body, page.body_size))
    link.streams += 1
    if codec is None:
        return
    if link.audio == stream:
        link.codec, link.stream = codec, page.stream
    link.audio += 1


def _pages(file: ByteFile) -> Iterator[_Page]:
    place = file.start
    while place < file.size:
        head = file.at(place, _HEADER + 255)
        if not head.startswith(_CAPTURE):
            place = _next_capture(file, place + 1)
            continue
        count = head[26] if len(head) > 26 else 0
        lacing = head[_HEADER : _HEADER + count]
        size = _HEADER + count + sum(lacing)
        if len(head) < _HEADER or len(lacing) < count or place + size > file.size:
            raise file.damaged("truncated: it ends within a page of ogg")
        position, stream = int.from_bytes(head[6:14], "little"), int.from_bytes(head[14:18], "little")
        yield _Page(place, size, head[5], position, stream, lacing)
        place += size


def _next_capture(file: ByteFile, place: int) -> int:
    while place < file.size:
        found = file.at(place, _LARGEST_PAGE).find(_CAPTURE)
        if found >= 0:
            return place + found
        place += _LARGEST_PAGE - len(_CAPTURE)
    return place


def _part(file: ByteFile, link: _Link, start: int, end: int | None) -> tuple[int, Part]:
    """Return the samples that the link promises, and the part that it is for a decoder."""
    assert link.codec is not None
    headers, sounding = _split_pages(link.codec, link.pages)
    positions = [page.position for page in sounding if page.position != _UNKNOWN]
    if not positions:
        return 0, Part(start, end)
    codec = link.codec.with_headers(b"".join(file.at(page.body, page.body_size) for page in headers))
    begin = _begin(file, codec, sounding)
    length = max(0, codec.length(positions[-1] - max(0, begin)))
    if codec.is_manual and length:
        skipped = max(0, -begin)
        return length, Part(start, end, ((skipped, skipped + length),))
    is_alone = link.streams == 1
    return length, Part(start, end, changes=_mend(file, link, begin) if is_alone else ())


def _split_pages(codec: Codec, pages: list[_Page]) -> tuple[list[_Page], list[_Page]]:
    """Return the pages of the codec's headers, the last of which ends a page, and those with sound."""
    headers = codec.headers
    for number, page in enumerate(pages):
        if headers <= 0:
            return pages[:number], pages[number:]
        headers -= sum(1 for _ in page.packets())
    return pages, []


def _begin(file: ByteFile, codec: Codec, pages: list[_Page]) -> int:
    """Return the position of the first sample: that behind the first page, less the samples on it."""
    packets: list[bytes] = []
    for page in pages:
        packets += [file.at(place, 2) for place, _ in page.packets()]
        if page.position != _UNKNOWN:
            begin = page.position - codec.duration(packets)
            # on the last page, a smaller position cuts the end off
            return max(0, begin) if page is pages[-1] else begin
    return 0


def _mend(file: ByteFile, link: _Link, begin: int) -> tuple[tuple[int, bytes], ...]:
    """Return the headers of pages that libsndfile needs: positions from 0 on, and the end marked as the end."""
    last = link.pages[-1]
    changes = []
    for page in link.pages:
        is_moved = begin > 0 and page.position not in (0, _UNKNOWN)
        if not is_moved and (page is not last or page.flags & _LAST):
            continue
        data = bytearray(file.at(page.place, page.size))
        if is_moved:
            data[6:14] = (page.position - begin).to_bytes(8, "little")
        if page is last:
            data[5] |= _LAST
        data[22:26] = bytes(4)
        data[22:26] = page_checksum(data).to_bytes(4, "little")
        changes.append((page.place + 5, bytes(data[5:26])))
    return tuple(changes)


def page_checksum(page: bytes | bytearray) -> int:
    """Return Ogg's CRC: zlib's, with the bits of all bytes and of the result in reverse, and without inversions."""
    reversed_crc = zlib.crc32(page.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reversed_crc:032b}"[::-1], 2)
