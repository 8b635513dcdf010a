"""Writers of tags: ID3 for wav and aiff, Vorbis comments and a picture for flac.

The bytes depend only on the stem, the tags and mutagen's version.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mutagen.aiff import AIFF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, Frames
from mutagen.wave import WAVE

from components.separate.recording.tags.fields import FIELDS, TOTALS, Cover, Tags

_UTF_8 = 3
_FRONT = 3
_NO_LANGUAGE = "XXX"  # ID3 for an unknown language


def _write_flac(stem: Path, tags: Tags) -> None:
    flac = FLAC(stem)
    if flac.tags is None:  # usually libsndfile has written an empty comment
        flac.add_tags()
    flac.tags.extend(_comments(tags))
    if tags.cover is not None:
        flac.add_picture(_picture(tags.cover))
    flac.save(padding=_no_padding)


def _comments(tags: Tags) -> Iterator[tuple[str, str]]:
    for name, values in tags.texts.items():
        for value in values:
            number, _, total = value.partition("/") if name in TOTALS else (value, "", "")
            yield name.upper(), number
            if total:
                yield TOTALS[name][0].upper(), total


def _picture(cover: Cover) -> Picture:
    picture = Picture()
    picture.type, picture.mime, picture.data = _FRONT, cover.mime, cover.data
    return picture


def _write_wav(stem: Path, tags: Tags) -> None:
    _write_id3(WAVE(stem), tags)


def _write_aiff(stem: Path, tags: Tags) -> None:
    _write_id3(AIFF(stem), tags)


def _write_id3(file: Any, tags: Tags) -> None:
    """Append a chunk with ID3v2.4, which allows UTF-8 and several values per frame."""
    file.add_tags()
    names = {field.name: field.id3 for field in FIELDS}
    for name, values in tags.texts.items():
        file.tags.add(_frame(names[name], list(values)))
    if tags.cover is not None:
        file.tags.add(APIC(encoding=_UTF_8, mime=tags.cover.mime, type=_FRONT, desc="", data=tags.cover.data))
    file.save(padding=_no_padding)


def _frame(name: str, values: list[str]) -> Any:
    if name == "COMM":
        return COMM(encoding=_UTF_8, lang=_NO_LANGUAGE, desc="", text=values)
    return Frames[name](encoding=_UTF_8, text=values)


def _no_padding(_: object) -> int:
    """Leave no room: these tags are never changed in place."""
    return 0


WRITERS: Mapping[bytes, Callable[[Path, Tags], None]] = {
    b"RIFF": _write_wav,
    b"fLaC": _write_flac,
    b"FORM": _write_aiff,
}
"""Writers by the first bytes of a stem. CAF holds no such tags, and mutagen does not know RF64."""
