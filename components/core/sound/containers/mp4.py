"""MP4 and QuickTime (ISO/IEC 14496-12): which samples of a track belong to the recording.

An encoder's delay stands in front of the music, and padding behind it. The edit list says which part is played; iTunes
says it in its own tag, iTunSMPB. Fragmented files hold their lengths in each fragment.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from components.core.sound.containers.byte_file import ByteFile, Chunk, chunks, require_whole
from components.core.sound.containers.container import Container, Part

_LARGEST_TABLE = 1 << 26  # bytes
_SMPB = re.compile(rb"iTunSMPB.{8,32}? [0-9A-F]{8} ([0-9A-F]{8}) ([0-9A-F]{8}) ([0-9A-F]{16})", re.DOTALL)
_DEFAULT_DURATION, _DESCRIPTION, _BASE = 0x8, 0x2, 0x1  # flags of tfhd
_OFFSET, _FIRST_FLAGS, _DURATION, _SIZE, _FLAGS, _COMPOSITION = 0x1, 0x4, 0x100, 0x200, 0x400, 0x800  # of trun


@dataclass(frozen=True)
class _Edit:
    """An entry of an edit list: the length in the movie's ticks, and the track's tick it begins at; −1: nothing."""

    length: int
    start: int


@dataclass(frozen=True)
class _Track:
    """An audio track: its number and ticks a second; the durations of its samples as pairs of count and duration."""

    number: int = 0
    is_audio: bool = False
    clock: int = 0
    durations: tuple[tuple[int, int], ...] = ()
    edits: tuple[_Edit, ...] = ()


@dataclass
class _Movie:
    """The index of a file: the movie's ticks a second, its tracks, and default durations by track."""

    clock: int = 0
    tracks: list[_Track] = field(default_factory=list)
    defaults: dict[int, int] = field(default_factory=dict)
    fragments: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    itunes: tuple[int, int] | None = None


def read_mp4(file: ByteFile, stream: int) -> Container:
    """Return the part of audio stream `stream` that is played; raises DamagedFile for a file that is cut."""
    boxes = list(_boxes(file, file.start, None))
    for box in boxes:
        if box.name in (b"moov", b"mdat", b"moof"):
            require_whole(file, box)
    if all(box.name != b"moov" for box in boxes):
        raise file.damaged("truncated: it has no index (moov)")
    try:
        movie = _read_movie(file, boxes)
    except (struct.error, IndexError):
        return Container()  # whether it is audio is found out by the decoders
    tracks = [track for track in movie.tracks if track.is_audio]
    return _container(file, movie, tracks[stream]) if stream < len(tracks) else Container()


def _container(file: ByteFile, movie: _Movie, track: _Track) -> Container:
    durations = [*track.durations, *movie.fragments.get(track.number, [])]
    total = sum(count * duration for count, duration in durations)
    if not track.clock or not total or not _is_regular(durations):
        return Container()
    spans = _spans(movie, track, total)
    if any(now[0] < before[1] for before, now in pairwise(spans)):
        raise file.damaged("its edit list repeats or rearranges parts, which is not supported: export it as a wav file")
    part = Part(spans=spans, clock=track.clock)
    return Container(parts=(part,), manual=True, options=("-ignore_editlist", "1")) if spans else Container()


def _is_regular(durations: list[tuple[int, int]]) -> bool:
    """Return whether all samples but the last are equally long: else the times are those of a clock, not of samples."""
    whole = [duration for count, duration in durations for _ in range(min(count, 2))]
    return len(set(whole[:-1])) <= 1


def _spans(movie: _Movie, track: _Track, total: int) -> tuple[tuple[int, int], ...]:
    """Return the ranges of the track that are played, in its ticks."""
    edits = [edit for edit in track.edits if edit.start >= 0]
    tick = track.clock / movie.clock if movie.clock else 1.0  # how exact a length in the movie's ticks is
    spans = [(edit.start, _end(edit, tick, total)) for edit in edits] or [(0, total)]
    if movie.itunes is not None and len(spans) == 1:
        start, end = _itunes_span(movie.itunes, total)
        if end <= total and (not edits or (spans[0][0] == start and abs(end - spans[0][1]) <= tick)):
            spans = [(start, end)]
    return tuple((start, min(end, total)) for start, end in spans if start < min(end, total))


def _end(edit: _Edit, tick: float, total: int) -> int:
    """Return where an edit ends; a length of 0, or one that ends within a tick of the track's end, is up to the end."""
    end = edit.start + round(edit.length * tick)
    return total if edit.length == 0 or abs(end - total) <= tick else end


def _itunes_span(itunes: tuple[int, int], total: int) -> tuple[int, int]:
    delay, length = itunes
    return delay, delay + length


def _boxes(file: ByteFile, start: int, end: int | None) -> Iterator[Chunk]:
    return chunks(file, start, _box, end=end)


def _box(head: bytes) -> tuple[bytes, int, int]:
    """Read a size that includes the header, and a name; 1: 64 bits of size follow; 0: up to the end of the file."""
    size, name, long = struct.unpack_from(">I4sQ", head)
    before = 16 if size == 1 else 8
    whole = {0: 1 << 56, 1: long}.get(size, size)
    return name, before, max(0, whole - before)


def _read_movie(file: ByteFile, boxes: list[Chunk]) -> _Movie:
    movie = _Movie()
    for box in boxes:
        if box.name == b"moov":
            _read_index(file, box, movie)
    for box in boxes:
        if box.name == b"moof":
            _read_fragment(file, box, movie)
    return movie


def _content(file: ByteFile, box: Chunk) -> bytes:
    return file.at(box.start, min(box.size, _LARGEST_TABLE))


def _read_index(file: ByteFile, moov: Chunk, movie: _Movie) -> None:
    for box in _boxes(file, moov.start, moov.end):
        if box.name == b"mvhd":
            movie.clock = _header_clock(_content(file, box))
        elif box.name == b"trak":
            movie.tracks.append(_read_track(file, box, _Track()))
        elif box.name == b"udta":
            found = _SMPB.search(_content(file, box))
            movie.itunes = (int(found[1], 16), int(found[3], 16)) if found else None
        elif box.name == b"mvex":
            for trex in _boxes(file, box.start, box.end):
                number, _, duration = struct.unpack_from(">III", _content(file, trex).ljust(16, b"\0"), 4)
                movie.defaults[number] = duration


def _header_clock(content: bytes) -> int:
    """Return the ticks a second of mvhd or mdhd; version 1 has times of 64 bits before them."""
    (clock,) = struct.unpack_from(">I", content, 20 if content[0] == 1 else 12)
    return int(clock)


def _read_track(file: ByteFile, parent: Chunk, track: _Track) -> _Track:
    for box in _boxes(file, parent.start, parent.end):
        if box.name in (b"mdia", b"minf", b"stbl", b"edts"):
            track = _read_track(file, box, track)
        elif box.name == b"tkhd":
            content = _content(file, box)
            track = replace(track, number=struct.unpack_from(">I", content, 20 if content[0] == 1 else 12)[0])
        elif box.name == b"mdhd":
            track = replace(track, clock=_header_clock(_content(file, box)))
        elif box.name == b"hdlr":
            track = replace(track, is_audio=track.is_audio or file.at(box.start + 8, 4) == b"soun")
        elif box.name == b"stts":
            track = replace(track, durations=tuple(_pairs(_content(file, box))))
        elif box.name == b"elst":
            track = replace(track, edits=tuple(_read_edits(_content(file, box))))
    return track


def _pairs(content: bytes) -> list[tuple[int, int]]:
    (count,) = struct.unpack_from(">I", content, 4)
    numbers = struct.unpack_from(f">{2 * min(count, len(content) // 8 - 1)}I", content, 8)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _read_edits(content: bytes) -> Iterator[_Edit]:
    layout = struct.Struct(">QqI" if content[0] == 1 else ">IiI")
    (count,) = struct.unpack_from(">I", content, 4)
    for number in range(min(count, (len(content) - 8) // layout.size)):
        length, start, _ = layout.unpack_from(content, 8 + number * layout.size)
        yield _Edit(length, start)


def _read_fragment(file: ByteFile, moof: Chunk, movie: _Movie) -> None:
    for traf in _boxes(file, moof.start, moof.end):
        number, default = 0, 0
        for box in _boxes(file, traf.start, traf.end) if traf.name == b"traf" else ():
            if box.name == b"tfhd":
                number, default = _read_fragment_header(_content(file, box), movie)
            elif box.name == b"trun":
                movie.fragments.setdefault(number, []).extend(_read_run(_content(file, box), default))


def _read_fragment_header(content: bytes, movie: _Movie) -> tuple[int, int]:
    """Return the track's number and the duration of samples whose run does not say it."""
    flags, number = struct.unpack_from(">II", content)
    place = 8 + (8 if flags & _BASE else 0) + (4 if flags & _DESCRIPTION else 0)
    default = (
        struct.unpack_from(">I", content, place)[0] if flags & _DEFAULT_DURATION else movie.defaults.get(number, 0)
    )
    return number, int(default)


def _read_run(content: bytes, default: int) -> list[tuple[int, int]]:
    """Return the durations of the samples of a run, as pairs of count and duration."""
    flags, count = struct.unpack_from(">II", content)
    if not flags & _DURATION:
        return [(count, default)]
    place = 8 + sum(4 for flag in (_OFFSET, _FIRST_FLAGS) if flags & flag)
    step = 4 * sum(1 for flag in (_DURATION, _SIZE, _FLAGS, _COMPOSITION) if flags & flag)
    count = min(count, (len(content) - place) // step)
    return [(1, struct.unpack_from(">I", content, place + number * step)[0]) for number in range(count)]
