"""Readers of tags: the first bytes of a file choose one, because file names are often wrong."""

import base64
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import mutagen
from mutagen.asf import ASF, ASFUnicodeAttribute
from mutagen.flac import FLAC, Picture
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis

from components.core.sound.ffmpeg import probe_tags
from components.separate.recording.tags.ape import read_ape
from components.separate.recording.tags.bounded_file import BoundedFile, find_chunks, split_chunks
from components.separate.recording.tags.chunks import CHUNK_BYTES, OF_AIFF, OF_WAV, read_chunk
from components.separate.recording.tags.copied_tags import FileChunk, Found
from components.separate.recording.tags.fields import FIELDS, merge_texts, name_texts
from components.separate.recording.tags.id3 import parse_id3, read_id3v2

_FRONT = 3
_ID3V1_BYTES = 160  # 128, and a few before them that mutagen reads

_TEXT_CHUNKS = frozenset({b"LIST", b"NAME", b"AUTH", b"(c) ", b"ANNO"})
_FREE_NAMES_OF_INFO = {
    "ISBJ": "subject",
    "IKEY": "keywords",
    "IARL": "archivallocation",
    "ICMS": "commissioned",
    "ISRF": "sourceform",
    "ITCH": "technician",
}

_PROBED = (b"caff", bytes.fromhex("1a45dfa3"))
"""The first bytes of CAF and Matroska, whose tags ffprobe reads: mutagen knows neither."""

_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


def read_found(path: Path, file: BoundedFile) -> Found:
    """Return the tags of a file that is open for reading; damaged ones raise any exception of its parser."""
    head = file.read(16)
    file.seek(0)
    if head.startswith(_PROBED):
        return Found(name_texts(probe_tags(path).items()))
    for offset, magic, read in _READERS:
        if head[offset:].startswith(magic):
            return read(file)
    return _read_id3_and_ape(file)


def _read_id3_and_ape(file: BoundedFile) -> Found:
    """Read ID3 and APEv2 of an mp3 or any other file; ID3v1 holds only the first 30 characters."""
    tag = read_id3v2(file)
    head, kinds = file.read(4), [parse_id3(tag)]
    if head == b"fLaC":
        file.seek(0)
        kinds.insert(0, _read_flac(file))
    kinds.append(read_ape(file))
    size = file.seek(0, 2)
    file.seek(max(0, size - _ID3V1_BYTES))
    kinds.append(parse_id3(b"", file.read(_ID3V1_BYTES)))
    return _merge(*kinds)


def _merge(*found: Found) -> Found:
    """Return what was found in several places of a file; the first counts where several have a tag."""
    pictures = next((pictures for each in found if (pictures := list(each.pictures))), [])
    return Found(merge_texts(*(each.texts for each in found)), pictures)


def _read_dsf(file: BoundedFile) -> Found:
    """Read ID3 where the header says (DSF File Format Specification 1.01)."""
    file.seek(20)
    file.seek(int.from_bytes(file.read(8), "little"))
    return parse_id3(read_id3v2(file))


def _read_flac(file: BoundedFile) -> Found:
    flac = FLAC(file)
    return Found(name_texts(flac.tags or ()), [(picture.type, picture.data) for picture in flac.pictures])


def _read_ogg(file: BoundedFile) -> Found:
    ogg = mutagen.File(file, options=[OggVorbis, OggOpus, OggFLAC, OggSpeex])
    comments = list(ogg.tags)
    encoded = [value for name, value in comments if name.lower() == "metadata_block_picture"]
    pictures = [Picture(base64.b64decode(value)) for value in encoded]
    return Found(name_texts(comments), [(picture.type, picture.data) for picture in pictures])


def _read_mp4(file: BoundedFile) -> Found:
    tags = MP4(file).tags or {}
    texts = {field.name: _mp4_texts(tags[field.mp4]) for field in FIELDS if field.mp4 in tags}
    free = (
        (name.split(":", 2)[2], value) for name in tags if name.startswith("----:") for value in _mp4_texts(tags[name])
    )
    return Found(merge_texts(texts, name_texts(free)), [(_FRONT, bytes(cover)) for cover in tags.get("covr", ())])


def _mp4_texts(values: Any) -> list[str]:
    if isinstance(values, bool):
        return ["1"] if values else []
    return [_mp4_text(value) for value in values]


def _mp4_text(value: Any) -> str:
    if isinstance(value, tuple):  # number and total, 0 where unknown
        return "/".join(str(number) for number in value if number)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _read_asf(file: BoundedFile) -> Found:
    tags = ASF(file).tags
    known = {field.asf: field.name for field in FIELDS if field.asf}
    texts = {known[name]: [str(value) for value in tags[name]] for name in tags.as_dict() if name in known}
    free = (
        (name, str(value))
        for name, value in tags
        if name not in known and not name.startswith("WM/") and isinstance(value, ASFUnicodeAttribute)
    )
    return Found(
        merge_texts(texts, name_texts(free)), [_asf_picture(value.value) for value in tags.get("WM/Picture", ())]
    )


def _asf_picture(data: bytes) -> tuple[int, bytes]:
    """Read Windows' WM_PICTURE: kind, size, MIME type and description (both end in two zero bytes), picture."""
    kind, size = struct.unpack_from("<BI", data)
    return kind, data[len(data) - size :]


def _read_aiff(file: BoundedFile) -> Found:
    return _read_chunks(file, ">", OF_AIFF)


def _read_wav(file: BoundedFile) -> Found:
    return _read_chunks(file, "<", OF_WAV)


def _read_chunks(file: BoundedFile, order: str, copied: frozenset[bytes]) -> Found:
    """Read ID3, which holds more and any script, the text chunks for what ID3 leaves out, and the chunks to copy."""
    id3, kept, large = Found({}), [], []
    texts: list[tuple[bytes, bytes]] = []
    for name, size in find_chunks(file, order):
        if name in (b"id3 ", b"ID3 "):
            id3 = parse_id3(read_id3v2(file))
        elif name not in copied and name not in _TEXT_CHUNKS:
            continue
        elif size > CHUNK_BYTES:
            large.append(f"the chunk {name.decode().strip()} of {size:,} bytes (the limit is {CHUNK_BYTES:,})")
        elif name in copied:
            kept.append(read_chunk(name, file.read(size)))
        else:
            data = file.read(size)
            texts.extend(_split_list(name, data))
            if data.startswith(b"adtl"):
                kept.append(FileChunk(name, data))
    return Found(merge_texts(id3.texts, _name_info(texts)), id3.pictures, tuple(kept), tuple(large))


def _split_list(name: bytes, data: bytes) -> Iterable[tuple[bytes, bytes]]:
    """Return the texts of RIFF's list INFO, or that of a chunk of an aiff."""
    if name != b"LIST":
        return [(name, data)]
    return split_chunks(data[4:]) if data.startswith(b"INFO") else []


def _name_info(found: Iterable[tuple[bytes, bytes]]) -> dict[str, list[object]]:
    """Return the texts of RIFF's INFO or an aiff by the names within Stemline."""
    texts = {name.decode("latin-1"): _info_text(value) for name, value in found}
    free = ((_FREE_NAMES_OF_INFO[name], text) for name, text in texts.items() if name in _FREE_NAMES_OF_INFO)
    named = {
        field.name: [next(texts[name] for name in field.info if name in texts)]
        for field in FIELDS
        if any(name in texts for name in field.info)
    }
    return merge_texts(named, name_texts(free))


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
    (0, b"RF64", _read_wav),
    (0, b"BW64", _read_wav),
    (0, b"DSD ", _read_dsf),
)
