"""The tags of a recording as they are copied to its stems, and the limits on what is kept."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from components.separate.recording.tags.fields import FIELDS, TOTALS

COVER_BYTES = 5_000_000
"""Larger covers are left out, and provenance says so."""

LONGEST_VALUE = 32_768
"""Characters; the words of a long opera's act fit."""

_MOST_VALUES = 32
_MOST_CHARACTERS = 65_536  # of all values together
_MOST_FREE_NAMES = 200
_FREE_NAME = re.compile(r"[\x20-\x3c\x3e-\x7d]{1,64}")
"""The names that a Vorbis comment can have (RFC 9639, 8.6)."""

_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Characters that some format can't hold, or that end a value there."""

_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"GIF8": "image/gif"}
"""The first bytes of pictures; the type that a tag names is often wrong."""

_FRONT, _OTHER = 3, 0
"""Kinds of picture by their number in ID3, FLAC and ASF; many programs store a front cover as "other"."""


@dataclass(frozen=True)
class Cover:
    """A picture, and its MIME type."""

    mime: str
    data: bytes


@dataclass(frozen=True)
class FileChunk:
    """A chunk of a wav or aiff that is copied as it is to stems of the same format: bext, iXML, cue, MARK …"""

    name: bytes
    data: bytes


@dataclass(frozen=True)
class Found:
    """The tags in a file.

    texts     values by their name within Stemline
    pictures  with their kinds
    chunks    of a wav or aiff
    left_out  what the reader leaves out, in words
    """

    texts: Mapping[str, Iterable[object]]
    pictures: Iterable[tuple[int, bytes]] = ()
    chunks: tuple[FileChunk, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tags:
    """Values by the tag's name within Stemline, the front cover, chunks, and what is not copied, in words."""

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cover: Cover | None = None
    left_out: tuple[str, ...] = ()
    chunks: tuple[FileChunk, ...] = ()

    def of_stem(self, target: str) -> "Tags":
        """Return the tags of a stem: its target is added to the title."""
        titles = self.texts.get("title", ())
        named = tuple(f"{title} ({target})" for title in titles) or (target,)
        return replace(self, texts={**self.texts, "title": named}, left_out=())

    def __bool__(self) -> bool:
        return bool(self.texts or self.chunks) or self.cover is not None


def clean_tags(found: Found) -> Tags:
    """Return the tags that are copied: values of limited length and number, in the order of FIELDS."""
    pictures = list(found.pictures)
    cover = _cover(pictures)
    cleaned = {name: _clean(found.texts[name]) for name in _in_order(found.texts)}
    for name in TOTALS:
        if name in cleaned:
            cleaned[name] = _numbers(cleaned[name])
    texts = _within_limits({name: values for name, values in cleaned.items() if values})
    left_out = (*found.left_out, *_describe_pictures(pictures, cover), *_describe_texts(cleaned, texts))
    return Tags(texts, cover, left_out, found.chunks)


def _in_order(names: Iterable[str]) -> list[str]:
    """Return the names of the fields in their order, then the others."""
    names = list(names)
    known = [field.name for field in FIELDS]
    return [name for name in known if name in names] + [name for name in names if name not in known]


def _clean(raw: Iterable[object]) -> tuple[str, ...]:
    cleaned = (_UNWANTED.sub("", str(value)[: LONGEST_VALUE + 1]).strip() for value in raw)
    return tuple(dict.fromkeys(value for value in cleaned if value))


def _within_limits(cleaned: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    texts: dict[str, tuple[str, ...]] = {}
    left, free = _MOST_CHARACTERS, _MOST_FREE_NAMES
    known = {field.name for field in FIELDS}
    for name, values in cleaned.items():
        if name not in known:
            free -= 1
            if free < 0 or not _FREE_NAME.fullmatch(name):
                continue
        kept = tuple(value[:LONGEST_VALUE] for value in values[:_MOST_VALUES])
        size = sum(map(len, kept))
        if size <= left:
            texts[name] = kept
            left -= size
    return texts


def _numbers(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first value as `3` or `3/12`, which formats with a number and a total can hold."""
    for value in values:
        number, _, total = (part.strip() for part in value.partition("/"))
        if number:
            return (f"{number}/{total}" if total else number,)
    return ()


def _describe_texts(cleaned: Mapping[str, tuple[str, ...]], texts: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    lost = sum(1 for name, values in cleaned.items() if values and name not in texts)
    if lost:
        yield f"{lost} {'text' if lost == 1 else 'texts'} in the tags, with an unusual name or beyond the limits"
    for name in texts:
        if texts[name] != cleaned[name]:
            yield f"a part of the tag {name}, which is longer than the limits"


def _describe_pictures(pictures: list[tuple[int, bytes]], cover: Cover | None) -> Iterator[str]:
    for _, data in pictures:
        if len(data) > COVER_BYTES:
            yield f"a picture of {len(data):,} bytes in the tags (the limit is {COVER_BYTES:,})"
    others = sum(1 for _, data in pictures if len(data) <= COVER_BYTES) - (cover is not None)
    if others:
        yield f"{others} {'picture' if others == 1 else 'pictures'} in the tags besides the front cover"


def _cover(pictures: Iterable[tuple[int, bytes]]) -> Cover | None:
    fit = [(kind, data) for kind, data in pictures if kind in (_FRONT, _OTHER) and len(data) <= COVER_BYTES]
    for _, data in sorted(fit, key=lambda picture: picture[0] != _FRONT):
        for start, mime in _PICTURES.items():
            if data.startswith(start):
                return Cover(mime, data)
    return None
