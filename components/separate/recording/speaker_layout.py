"""The speakers that a stem's channels belong to, written where a format has a place for them.

WAVE has a mask of speakers (dwChannelMask), FLAC a comment (RFC 9639, 8.6.2) where the layout is not the usual one of
so many channels, and CAF a chunk with the same mask (Apple Core Audio Format Specification 1.0, Channel Layout Chunk).
"""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import soundfile
from mutagen.flac import FLAC

from components.core.sound.containers.flac import USUAL_MASKS

MASKED = {"WAV": "WAVEX", "RF64": "RF64"}
"""Containers of WAVE, and libsndfile's name of the form with a mask."""

_SET_CHANNEL_MAP = 0x1101
"""libsndfile's command SFC_SET_CHANNEL_MAP_INFO; its Python package has no name for it."""

_SPEAKERS = (2, 3, 4, 11, 9, 10, 12, 13, 8, 14, 15, 16, 17, 19, 18, 20, 22, 21)
"""libsndfile's number of the speaker for each bit of the mask, from front left on."""

_CAF_BITMAP = 1 << 16  # the layout is the mask that follows
_FREE = struct.Struct(">4sQ")


def set_mask(file: Any, mask: int) -> None:
    """Have libsndfile write `mask` into the header of a WAVEX or RF64 that is open for writing."""
    numbers = [number for bit, number in enumerate(_SPEAKERS) if mask >> bit & 1]
    array = soundfile._ffi.new("int[]", numbers)
    soundfile._snd.sf_command(file._file, _SET_CHANNEL_MAP, array, 4 * len(numbers))


def _write_caf_layout(path: Path, mask: int) -> None:
    """Put the chunk into the room that libsndfile leaves before the samples."""
    layout = struct.pack(">III", _CAF_BITMAP, mask, 0)
    with path.open("r+b") as file:
        header = file.read(4096)
        place = header.find(b"free\0\0\0\0")
        if place < 0:
            return
        _, size = _FREE.unpack_from(header, place)
        left = size - _FREE.size - len(layout)
        if left >= 0:
            file.seek(place)
            file.write(_FREE.pack(b"chan", len(layout)) + layout + _FREE.pack(b"free", left))


def _write_flac_layout(path: Path, mask: int) -> None:
    file = FLAC(path)
    if mask != USUAL_MASKS.get(file.info.channels):
        file["WAVEFORMATEXTENSIBLE_CHANNEL_MASK"] = f"0x{mask:X}"
        file.save()


_WRITERS: Mapping[str, Callable[[Path, int], None]] = {"CAF": _write_caf_layout, "FLAC": _write_flac_layout}


def write_layout(path: Path, container: str, mask: int) -> None:
    """Write `mask` into a finished file, where libsndfile did not."""
    if mask and container in _WRITERS:
        _WRITERS[container](path, mask)
