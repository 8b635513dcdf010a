"""FLAC (RFC 9639): its length, its checksum, and where its last frame ends, which other things may follow."""

import re
from dataclasses import dataclass
from itertools import islice

from components.core.sound.containers.byte_file import ByteFile
from components.core.sound.containers.container import Container, Part

USUAL_MASKS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}
"""Speakers by the number of channels (9.1.3)."""

_STREAMINFO, _COMMENT = 0, 4
_MOST_BLOCKS = 1000
_TOTAL_BITS = (1 << 36) - 1
_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_WINDOW = 1 << 20  # bytes at the end in which the last frame is looked for
_SYNCS = 200  # at which a frame may begin
_CANDIDATES = 3  # with a right checksum of the header, of which one in 256 is chance
_MASK_TAG = re.compile(rb"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0[xX]([0-9a-fA-F]{1,8})", re.IGNORECASE)


def _table(bits: int, polynomial: int) -> tuple[int, ...]:
    top, whole = 1 << bits - 1, (1 << bits) - 1
    table = []
    for byte in range(256):
        remainder = byte << bits - 8
        for _ in range(8):
            remainder = (remainder << 1 ^ (polynomial if remainder & top else 0)) & whole
        table.append(remainder)
    return tuple(table)


_CRC8, _CRC16 = _table(8, 0x07), _table(16, 0x8005)


@dataclass(frozen=True)
class _Info:
    """STREAMINFO (8.2): the place of its numbers, and those that matter here."""

    place: int
    block: int
    rate: int
    channels: int
    bits: int
    total: int
    md5: bytes


@dataclass(frozen=True)
class _LastFrame:
    """The last frame: the samples of each channel up to its end, and where it ends in the file."""

    samples: int
    end: int


def read_flac(file: ByteFile) -> Container:
    """Return the length in STREAMINFO, or that up to the last frame when STREAMINFO says none, or too little."""
    if file.at(file.start + 4, 1) not in (b"\x00", b"\x80"):
        return Container()
    info = _read_info(file)
    mask = _read_mask(file) or USUAL_MASKS.get(info.channels, 0)
    last = _find_last_frame(file, info)
    total, part = info.total, Part()
    if last is not None and last.samples >= info.total and (last.samples > info.total or last.end < file.size):
        total = last.samples
        fields = (info.rate << 44 | info.channels - 1 << 41 | info.bits - 1 << 36 | total).to_bytes(8, "big")
        part = Part(0, last.end, changes=((info.place + 10, fields),))
    return Container(least=total, parts=(part,), mask=mask, bits=info.bits, md5=info.md5)


def _read_info(file: ByteFile) -> _Info:
    place = file.start + 8
    _, block = file.fields(">HH", place)
    (fields,) = file.fields(">Q", place + 10)
    md5 = file.at(place + 18, 16)
    return _Info(
        place,
        block,
        fields >> 44,
        (fields >> 41 & 7) + 1,
        (fields >> 36 & 31) + 1,
        fields & _TOTAL_BITS,
        md5 if any(md5) else b"",
    )


def _read_mask(file: ByteFile) -> int:
    """Return the speakers that a comment names (8.6.2); 0 when there is none."""
    place = file.start + 4
    for _ in range(_MOST_BLOCKS):
        head = file.at(place, 4)
        if len(head) < 4:
            return 0
        size = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == _COMMENT:
            found = _MASK_TAG.search(file.at(place + 4, size))
            return int(found[1], 16) if found else 0
        if head[0] & 0x80:
            return 0
        place += 4 + size
    return 0


def _find_last_frame(file: ByteFile, info: _Info) -> _LastFrame | None:
    """Return the last frame whose checksums are right; None when there is none near the end of the audio."""
    end_of_audio = _skip_tags(file)
    end = _skip_zeros(file, end_of_audio)
    window_start = max(info.place + 34, end - _WINDOW)
    window = file.at(window_start, end - window_start)
    without_zeros = len(window.rstrip(b"\0"))
    ends = [len(window)] if end == end_of_audio else [without_zeros + zeros for zeros in range(3)]
    places = [found.start() for found in _SYNC.finditer(window)][-_SYNCS:]
    frames = ((place, _samples_to_end(window[place : place + 16], info)) for place in reversed(places))
    for place, samples in islice(((place, samples) for place, samples in frames if samples), _CANDIDATES):
        found = _frame_end(window, place, ends)
        if found is not None:
            return _LastFrame(samples, window_start + found)
    return None


def _skip_tags(file: ByteFile) -> int:
    """Return where the file ends without ID3v1 and APE tags."""
    end = file.size
    for _ in range(4):
        if file.at(max(0, end - 128), 3) == b"TAG":
            end -= 128
            continue
        footer = file.at(max(0, end - 32), 32)
        if not footer.startswith(b"APETAGEX"):
            break
        has_header = footer[23] & 0x80
        end = max(0, end - int.from_bytes(footer[12:16], "little") - (32 if has_header else 0))
    return end


def _skip_zeros(file: ByteFile, end: int) -> int:
    """Return the end without the zeros there, but for two that may be the end of a checksum."""
    place = end
    while place > 0:
        data = file.at(max(0, place - _WINDOW), min(place, _WINDOW))
        kept = len(data.rstrip(b"\0"))
        if kept:
            return min(end, place - len(data) + kept + 2)
        place -= len(data)
    return end


def _samples_to_end(head: bytes, info: _Info) -> int | None:
    """Return the samples up to the end of the frame that begins with `head`; None when it is no frame (9.1)."""
    number, after = _coded_number(head[4:11])
    if number is None or len(head) < 16 or head[3] & 1:
        return None
    block, size = _block_size(head[2] >> 4, head[4 + after :])
    _, rate_size = {12: (1, 1), 13: (2, 2), 14: (2, 2)}.get(head[2] & 15, (0, 0))
    length = 4 + after + size + rate_size
    if not block or head[2] & 15 == 15 or _remainder(_CRC8, 8, head[:length]) != head[length]:
        return None
    return number + block if head[1] & 1 else number * info.block + block


def _coded_number(data: bytes) -> tuple[int | None, int]:
    """Return the number at the beginning of `data`, coded in the manner of UTF-8, and its size in bytes."""
    if not data:
        return None, 0
    ones = 8 - (~data[0] & 0xFF).bit_length()
    if ones == 0:
        return data[0], 1
    if ones in (1, 8) or len(data) < ones:
        return None, 0
    number = data[0] & (0x7F >> ones)
    for byte in data[1:ones]:
        if byte >> 6 != 2:
            return None, 0
        number = number << 6 | byte & 0x3F
    return number, ones


def _block_size(code: int, after: bytes) -> tuple[int, int]:
    """Return the samples in a frame, and the bytes behind the number that say so (9.1.1)."""
    if code in (6, 7):
        size = code - 5
        return int.from_bytes(after[:size], "big") + 1, size
    if code < 2:
        return 192 * code, 0
    return 576 << code - 2 if code < 6 else 256 << code - 8, 0


def _frame_end(window: bytes, place: int, ends: list[int]) -> int | None:
    """Return the first of `ends` that follows a right checksum of all before it (9.3).

    A checksum stays right when zeros are added or taken away. So up to two zeros at the end of a file belong to its
    checksum, and of more zeros none does.
    """
    for end in ends:
        if place + 2 <= end <= len(window) and _remainder(_CRC16, 16, window[place : end - 2]) == int.from_bytes(
            window[end - 2 : end], "big"
        ):
            return end
    return None


def _remainder(table: tuple[int, ...], bits: int, data: bytes) -> int:
    remainder, whole, shift = 0, (1 << bits) - 1, bits - 8
    for byte in data:
        remainder = (remainder << 8 & whole) ^ table[remainder >> shift ^ byte]
    return remainder
