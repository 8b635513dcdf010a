"""The tags that are copied, their names in each kind of file, and the limits on what is kept."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

COVER_BYTES = 5_000_000
"""Larger covers are left out, and provenance says so."""

_MOST_VALUES = 32
_LONGEST_VALUE = 4096  # characters
_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Characters that some format can't hold, or that end a value there."""

_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"GIF8": "image/gif"}
"""The first bytes of pictures; the type that a tag names is often wrong."""

_FRONT, _OTHER = 3, 0
"""Kinds of picture by their number in ID3, FLAC and ASF; many programs store a front cover as "other"."""


@dataclass(frozen=True)
class Field:
    """A tag and its names; where programs differ there are several, the usual one first.

    vorbis   comments of FLAC, Ogg Vorbis and Opus; the first is also the name within Stemline
    id3      frame of ID3v2.4 (mp3, aiff, wav)
    mp4      atom of an MP4 (m4a), or iTunes' name
    asf      attribute of an ASF (wma)
    info     chunk of RIFF's INFO list (wav)
    """

    vorbis: tuple[str, ...]
    id3: str
    mp4: str
    asf: str
    info: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name within Stemline."""
        return self.vorbis[0]


_ITUNES = "----:com.apple.iTunes:"

FIELDS = (
    Field(("title",), "TIT2", "\xa9nam", "Title", ("INAM",)),
    Field(("artist",), "TPE1", "\xa9ART", "Author", ("IART",)),
    Field(("album",), "TALB", "\xa9alb", "WM/AlbumTitle", ("IPRD",)),
    Field(("albumartist", "album artist"), "TPE2", "aART", "WM/AlbumArtist", ()),
    Field(("tracknumber",), "TRCK", "trkn", "WM/TrackNumber", ("IPRT", "ITRK")),
    Field(("discnumber",), "TPOS", "disk", "WM/PartOfSet", ()),
    Field(("date", "year"), "TDRC", "\xa9day", "WM/Year", ("ICRD",)),
    Field(("genre",), "TCON", "\xa9gen", "WM/Genre", ("IGNR",)),
    Field(("composer",), "TCOM", "\xa9wrt", "WM/Composer", ()),
    Field(("isrc",), "TSRC", f"{_ITUNES}ISRC", "WM/ISRC", ("ISRC",)),
    Field(("comment", "description"), "COMM", "\xa9cmt", "Description", ("ICMT",)),
    Field(("copyright",), "TCOP", "cprt", "Copyright", ("ICOP",)),
    Field(("label", "organization", "publisher"), "TPUB", f"{_ITUNES}LABEL", "WM/Publisher", ()),
    Field(("bpm", "tempo"), "TBPM", "tmpo", "WM/BeatsPerMinute", ()),
)

TOTALS: Mapping[str, tuple[str, ...]] = {
    "tracknumber": ("tracktotal", "totaltracks"),
    "discnumber": ("disctotal", "totaldiscs"),
}
"""The Vorbis comments that hold the `12` of `3/12`, as it is in other formats and in `Tags`."""


@dataclass(frozen=True)
class Cover:
    """A picture, and its MIME type."""

    mime: str
    data: bytes


@dataclass(frozen=True)
class Found:
    """The tags in a file: values by their name within Stemline, and pictures with their kinds."""

    texts: Mapping[str, Iterable[object]]
    pictures: Iterable[tuple[int, bytes]] = ()


@dataclass(frozen=True)
class Tags:
    """Values by the tag's name within Stemline, the front cover, and what is not copied, in words."""

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cover: Cover | None = None
    left_out: tuple[str, ...] = ()

    def of_stem(self, target: str) -> "Tags":
        """Return the tags of a stem: its target is added to the title."""
        titles = self.texts.get("title", ())
        named = tuple(f"{title} ({target})" for title in titles) or (target,)
        return Tags({**self.texts, "title": named}, self.cover)

    def __bool__(self) -> bool:
        return bool(self.texts) or self.cover is not None


def clean_tags(found: Found) -> Tags:
    """Return the tags that are copied: values of limited length and number, in the order of FIELDS."""
    cleaned = {each.name: _values(found.texts.get(each.name, ())) for each in FIELDS}
    for name in TOTALS:
        cleaned[name] = _numbers(cleaned[name])
    pictures = list(found.pictures)
    cover = _cover(pictures)
    texts = {name: values for name, values in cleaned.items() if values}
    return Tags(texts, cover, tuple(_describe_left_out(pictures, cover)))


def _values(raw: Iterable[object]) -> tuple[str, ...]:
    cleaned = (_UNWANTED.sub("", str(value)[:_LONGEST_VALUE]).strip() for value in raw)
    return tuple(dict.fromkeys(value for value in cleaned if value))[:_MOST_VALUES]


def _numbers(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first value as `3` or `3/12`, which formats with a number and a total can hold."""
    for value in values:
        number, _, total = (part.strip() for part in value.partition("/"))
        if number:
            return (f"{number}/{total}" if total else number,)
    return ()


def _describe_left_out(pictures: list[tuple[int, bytes]], cover: Cover | None) -> Iterator[str]:
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
