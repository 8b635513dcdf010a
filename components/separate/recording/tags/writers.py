"""Writers of tags: ID3 for wav, RF64 and aiff, Vorbis comments and a picture for flac, a chunk of texts for caf.

The bytes depend only on the stem, the tags and mutagen's version.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, ID3, TIPL, TXXX, UFID, USLT, Frames

from components.separate.recording.tags.chunks import OF_AIFF, OF_WAV, append_chunks, append_to_caf, describe_bext
from components.separate.recording.tags.copied_tags import Cover, FileChunk, Tags
from components.separate.recording.tags.fields import FIELDS, TOTALS, merge_texts, name_texts

_UTF_8 = 3
_FRONT = 3
_NO_LANGUAGE = "XXX"  # ID3 for an unknown language
_ID3_FRAMES = {field.name: field.id3 for field in FIELDS}
_CAF_KEYS = {
    "tracknumber": "track number",
    "date": "recorded date",
    "comment": "comments",
    "initialkey": "key signature",
    "bpm": "tempo",
}


def _write_flac(stem: Path, tags: Tags) -> None:
    flac = FLAC(stem)
    if flac.tags is None:  # usually libsndfile has written an empty comment
        flac.add_tags()
    flac.tags.extend(_comments(_with_bext(tags)))
    if tags.cover is not None:
        flac.add_picture(_picture(tags.cover))
    flac.save(padding=_no_padding)


def _comments(texts: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    for name, values in texts.items():
        for value in values:
            number, _, total = value.partition("/") if name in TOTALS else (value, "", "")
            yield name.upper(), number
            if total:
                yield TOTALS[name][0].upper(), total


def _picture(cover: Cover) -> Picture:
    picture = Picture()
    picture.type, picture.mime, picture.data = _FRONT, cover.mime, cover.data
    return picture


def _with_bext(tags: Tags) -> dict[str, tuple[str, ...]]:
    """Return the texts, with those of a chunk bext where the format has no such chunk."""
    bext = name_texts(pair for chunk in tags.chunks if chunk.name == b"bext" for pair in describe_bext(chunk.data))
    return {name: tuple(map(str, values)) for name, values in merge_texts(tags.texts, bext).items()}


def _write_wav(stem: Path, tags: Tags) -> None:
    kept = [chunk for chunk in tags.chunks if chunk.name in CHUNKS["WAV"]]
    append_chunks(stem, [*kept, FileChunk(b"id3 ", _id3(tags.texts, tags.cover))])


def _write_aiff(stem: Path, tags: Tags) -> None:
    kept = [chunk for chunk in tags.chunks if chunk.name in CHUNKS["AIFF"]]
    append_chunks(stem, [*kept, FileChunk(b"ID3 ", _id3(_with_bext(tags), tags.cover))])


def _id3(texts: Mapping[str, tuple[str, ...]], cover: Cover | None) -> bytes:
    """Return an ID3v2.4 tag, which allows UTF-8 and several values per frame."""
    id3, file = ID3(), BytesIO()
    for name, values in texts.items():
        place, _, detail = _ID3_FRAMES.get(name, f"TXXX:{name.upper()}").partition(":")
        for frame in _FRAMES.get(place, _text_frames)(place, detail, list(values)):
            id3.add(frame)
    people = [
        [_ID3_FRAMES[name].partition(":")[2], value]
        for name, values in texts.items()
        if _ID3_FRAMES.get(name, "").startswith("TIPL:")
        for value in values
    ]
    if people:
        id3.add(TIPL(encoding=_UTF_8, people=people))
    if cover is not None:
        id3.add(APIC(encoding=_UTF_8, mime=cover.mime, type=_FRONT, desc="", data=cover.data))
    id3.save(file, padding=_no_padding)
    return file.getvalue()


def _text_frames(place: str, _: str, values: list[str]) -> list[Any]:
    return [Frames[place](encoding=_UTF_8, text=values)]


_FRAMES: Mapping[str, Callable[[str, str, list[str]], list[Any]]] = {
    "COMM": lambda _, detail, values: [COMM(encoding=_UTF_8, lang=_NO_LANGUAGE, desc=detail, text=values)],
    "USLT": lambda _, detail, values: [USLT(encoding=_UTF_8, lang=_NO_LANGUAGE, desc=detail, text="\n\n".join(values))],
    "TXXX": lambda _, detail, values: [TXXX(encoding=_UTF_8, desc=detail, text=values)],
    "UFID": lambda _, detail, values: [UFID(owner=detail, data=values[0].encode("ascii", "replace"))],
    "TIPL": lambda *_: [],  # all roles share a frame
}


def _write_caf(stem: Path, tags: Tags) -> None:
    """Append the chunk info, which holds a text for each name."""
    texts = [(_CAF_KEYS.get(name, name), "; ".join(values)) for name, values in _with_bext(tags).items()]
    strings = b"".join(f"{name}\0{text}\0".encode() for name, text in texts)
    append_to_caf(stem, b"info", struct.pack(">I", len(texts)) + strings)


def _no_padding(_: object) -> int:
    """Leave no room: these tags are never changed in place."""
    return 0


WRITERS: Mapping[bytes, Callable[[Path, Tags], None]] = {
    b"RIFF": _write_wav,
    b"RF64": _write_wav,
    b"fLaC": _write_flac,
    b"FORM": _write_aiff,
    b"caff": _write_caf,
}
"""Writers by the first bytes of a stem."""

CHUNKS: Mapping[str, frozenset[bytes]] = {
    "WAV": OF_WAV | {b"LIST"},
    "RF64": OF_WAV | {b"LIST"},
    "AIFF": OF_AIFF,
}
"""The chunks that stems keep, by libsndfile's name of their container."""
