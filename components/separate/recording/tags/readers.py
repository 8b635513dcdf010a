"""Readers of tags: the first bytes of a file choose one, because file names are often wrong."""

import base64
import struct
from collections.abc import Callable, Iterable
from typing import Any

import mutagen
from mutagen.asf import ASF
from mutagen.flac import FLAC, Picture
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis

from components.separate.recording.tags.bounded_file import BoundedFile, find_chunks, split_chunks
from components.separate.recording.tags.fields import FIELDS, TOTALS, Found
from components.separate.recording.tags.id3 import parse_id3, read_id3v2

_FRONT = 3
_INFO_BYTES = 1 << 20
_ID3V1_BYTES = 160  # 128, and a few before them that mutagen reads

_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


def read_found(file: BoundedFile) -> Found:
    """Return the tags of a file that is open for reading; damaged ones raise any exception of its parser."""
    head = file.read(16)
    file.seek(0)
    for offset, magic, read in _READERS:
        if head[offset:].startswith(magic):
            return read(file)
    return _read_id3(file)


def _read_id3(file: BoundedFile) -> Found:
    """Read ID3 at the beginning or the end of an mp3, or of any other file."""
    tag = read_id3v2(file)
    size = file.seek(0, 2)
    file.seek(max(0, size - _ID3V1_BYTES))
    return parse_id3(tag, file.read(_ID3V1_BYTES))


def _read_flac(file: BoundedFile) -> Found:
    flac = FLAC(file)
    return Found(_vorbis_texts(flac.tags or ()), [(picture.type, picture.data) for picture in flac.pictures])


def _read_ogg(file: BoundedFile) -> Found:
    ogg = mutagen.File(file, options=[OggVorbis, OggOpus, OggFLAC, OggSpeex])
    comments = list(ogg.tags)
    encoded = [value for name, value in comments if name.lower() == "metadata_block_picture"]
    pictures = [Picture(base64.b64decode(value)) for value in encoded]
    return Found(_vorbis_texts(comments), [(picture.type, picture.data) for picture in pictures])


def _vorbis_texts(comments: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return values by their name within Stemline; `3` and a total of `12` become `3/12`."""
    found: dict[str, list[str]] = {}
    for name, value in comments:
        found.setdefault(name.lower(), []).append(value)
    texts = {field.name: _first_of(found, field.vorbis) for field in FIELDS}
    for name, totals in TOTALS.items():
        total = _first_of(found, totals)
        if total and texts[name] and "/" not in texts[name][0]:
            texts[name] = [f"{texts[name][0]}/{total[0]}"]
    return texts


def _first_of(found: dict[str, list[str]], names: tuple[str, ...]) -> list[str]:
    return next((found[name] for name in names if name in found), [])


def _read_mp4(file: BoundedFile) -> Found:
    tags = MP4(file).tags or {}
    texts = {field.name: [_mp4_text(value) for value in tags.get(field.mp4, ())] for field in FIELDS}
    return Found(texts, [(_FRONT, bytes(cover)) for cover in tags.get("covr", ())])


def _mp4_text(value: Any) -> str:
    if isinstance(value, tuple):  # number and total, 0 where unknown
        return "/".join(str(number) for number in value if number)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _read_asf(file: BoundedFile) -> Found:
    tags = ASF(file).tags
    texts = {field.name: [str(value) for value in tags.get(field.asf, ())] for field in FIELDS}
    return Found(texts, [_asf_picture(value.value) for value in tags.get("WM/Picture", ())])


def _asf_picture(data: bytes) -> tuple[int, bytes]:
    """Read Windows' WM_PICTURE: kind, size, MIME type and description (both end in two zero bytes), picture."""
    kind, size = struct.unpack_from("<BI", data)
    return kind, data[len(data) - size :]


def _read_aiff(file: BoundedFile) -> Found:
    for name, _ in find_chunks(file, ">"):
        if name in (b"ID3 ", b"id3 "):
            return parse_id3(read_id3v2(file))
    return Found({})


def _read_wav(file: BoundedFile) -> Found:
    """Read ID3, which holds more and any script, and INFO for what ID3 leaves out."""
    id3, info = Found({}), Found({})
    for name, size in find_chunks(file, "<"):
        if name in (b"id3 ", b"ID3 "):
            id3 = parse_id3(read_id3v2(file))
        elif name == b"LIST" and size <= _INFO_BYTES:
            info = _parse_info(file.read(size))
    return Found(
        {field.name: id3.texts.get(field.name) or info.texts.get(field.name, ()) for field in FIELDS}, id3.pictures
    )


def _parse_info(data: bytes) -> Found:
    if not data.startswith(b"INFO"):
        return Found({})
    found = {name.decode("latin-1"): [_info_text(value)] for name, value in split_chunks(data[4:])}
    return Found({field.name: _first_of(found, field.info) for field in FIELDS})


def _info_text(data: bytes) -> str:
    """Decode UTF-8, which most programs write now, or the code page of Windows."""
    text = data.split(b"\0")[0]
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")


_READERS: Iterable[tuple[int, bytes, Callable[[BoundedFile], Found]]] = (
    (0, b"fLaC", _read_flac),
    (0, b"OggS", _read_ogg),
    (4, b"ftyp", _read_mp4),
    (0, _ASF_HEADER, _read_asf),
    (0, b"FORM", _read_aiff),
    (0, b"RIFF", _read_wav),
)
