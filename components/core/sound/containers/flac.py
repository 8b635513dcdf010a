"""FLAC (RFC 9639): its length, its checksum, and where its last frame ends, which other things may follow."""

import re
from dataclasses import dataclass
from io import BytesIO
from itertools import islice

import soundfile

from components.core.sound.containers.byte_file import ByteFile
from components.core.sound.containers.container import Container, Part
from components.core.sound.sequential_file import SequentialFile

USUAL_MASKS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}
"""Speakers by the number of channels (9.1.3)."""

_STREAMINFO, _COMMENT = 0, 4
_MOST_BLOCKS = 1000
_TOTAL_BITS = (1 << 36) - 1
_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_WINDOW = 1 << 20  # bytes at the end in which the last frame is looked for
_SYNCS = 200  # at which a frame may begin
_LONGEST_FRAME = 1 << 16  # samples of each channel
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

    def with_total(self, total: int) -> bytes:
        """Return the eight bytes of rate, channels, bits and total with another total."""
        return (self.rate << 44 | self.channels - 1 << 41 | self.bits - 1 << 36 | total).to_bytes(8, "big")


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
        part = Part(0, last.end, changes=((info.place + 10, info.with_total(total)),))
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
    ends = range(without_zeros, min(without_zeros + 2, len(window)) + 1)
    places = [found.start() for found in _SYNC.finditer(window)][-_SYNCS:]
    frames = ((place, _samples_to_end(window[place : place + 16], info)) for place in reversed(places))
    for place, samples in islice(((place, samples) for place, samples in frames if samples), _CANDIDATES):
        found = [end for end in ends if _is_frame(window[place:end])]
        if len(found) > 1:
            found = [end for end in found if _decodes(file, info, samples, window[place:end])] or found[-1:]
        if found:
            return _LastFrame(samples, window_start + found[0])
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


def _is_frame(data: bytes) -> bool:
    """Return whether the checksum at the end of `data` is right (9.3).

    It stays right when zeros are added or taken away. So up to two zeros at the end of a file may belong to it.
    """
    return len(data) > 2 and _remainder(_CRC16, 16, data[:-2]) == int.from_bytes(data[-2:], "big")


def _decodes(file: ByteFile, info: _Info, samples: int, frame: bytes) -> bool:
    """Return whether a decoder finds a frame that is whole and nothing behind it: only it knows how long a frame is."""
    header = file.at(info.place, 10) + info.with_total(samples) + bytes(16)
    try:
        with SequentialFile(BytesIO(b"fLaC\x80\0\0\x22" + header + frame)) as stream:
            return bool(len(stream.read(_LONGEST_FRAME)))
    except soundfile.LibsndfileError:
        return False


def _remainder(table: tuple[int, ...], bits: int, data: bytes) -> int:
    remainder, whole, shift = 0, (1 << bits) - 1, bits - 8
    for byte in data:
        remainder = (remainder << 8 & whole) ^ table[remainder >> shift ^ byte]
    return remainder
