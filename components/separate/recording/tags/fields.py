"""The tags that are copied, and their names in each kind of file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_ITUNES = "----:com.apple.iTunes:"


@dataclass(frozen=True)
class Field:
    """A tag and its names; where programs differ there are several, the usual one first.

    names   comments of FLAC, Ogg Vorbis and Opus, items of APEv2, tags of Matroska and CAF; the first is also the name
            within Stemline
    id3     frame of ID3v2.4 (mp3, aiff, wav, dsf); after a colon, the description of a TXXX, the owner of a UFID or
            the role in a TIPL
    mp4     atom of an MP4 (m4a), or iTunes' name
    asf     attribute of an ASF (wma)
    info    chunk of RIFF's INFO list (wav), text chunk of an aiff
    """

    names: tuple[str, ...]
    id3: str
    mp4: str = ""
    asf: str = ""
    info: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name within Stemline."""
        return self.names[0]

    @property
    def free_names(self) -> tuple[str, ...]:
        """The names in formats that allow any name, the usual one first."""
        described = [place.rpartition(":")[2].lower() for place in (self.id3, self.mp4, self.asf) if place]
        return tuple(dict.fromkeys((*self.names, *described)))


def _custom(names: tuple[str, ...], title: str, asf: str = "", info: tuple[str, ...] = ()) -> Field:
    """Return a field that ID3 and MP4 have under a name that programs agreed on."""
    return Field(names, f"TXXX:{title}", _ITUNES + title, asf, info)


FIELDS = (
    Field(("title",), "TIT2", "\xa9nam", "Title", ("INAM", "NAME")),
    Field(("artist",), "TPE1", "\xa9ART", "Author", ("IART", "AUTH")),
    Field(("album",), "TALB", "\xa9alb", "WM/AlbumTitle", ("IPRD",)),
    Field(("albumartist", "album artist", "album_artist"), "TPE2", "aART", "WM/AlbumArtist"),
    Field(("tracknumber", "track", "track number"), "TRCK", "trkn", "WM/TrackNumber", ("IPRT", "ITRK")),
    Field(("discnumber", "disc", "disk"), "TPOS", "disk", "WM/PartOfSet"),
    Field(("date", "year", "recorded date"), "TDRC", "\xa9day", "WM/Year", ("ICRD",)),
    Field(("genre",), "TCON", "\xa9gen", "WM/Genre", ("IGNR",)),
    Field(("composer",), "TCOM", "\xa9wrt", "WM/Composer", ("IMUS",)),
    Field(("isrc",), "TSRC", f"{_ITUNES}ISRC", "WM/ISRC", ("ISRC",)),
    Field(("comment", "comments", "description"), "COMM", "\xa9cmt", "Description", ("ICMT", "ANNO")),
    Field(("copyright",), "TCOP", "cprt", "Copyright", ("ICOP", "(c) ")),
    Field(("label", "organization", "publisher"), "TPUB", f"{_ITUNES}LABEL", "WM/Publisher", ("IPUB",)),
    Field(("bpm", "tempo"), "TBPM", "tmpo", "WM/BeatsPerMinute"),
    Field(("initialkey", "key", "key signature"), "TKEY", f"{_ITUNES}initialkey", "WM/InitialKey"),
    Field(("lyrics", "unsyncedlyrics"), "USLT", "\xa9lyr", "WM/Lyrics"),
    Field(("subtitle",), "TIT3", f"{_ITUNES}SUBTITLE", "WM/SubTitle"),
    Field(("grouping", "contentgroup"), "TIT1", "\xa9grp", "WM/ContentGroupDescription"),
    Field(("discsubtitle", "setsubtitle"), "TSST", f"{_ITUNES}DISCSUBTITLE", "WM/SetSubTitle"),
    Field(("remixer", "mixartist", "remixed_by"), "TPE4", f"{_ITUNES}REMIXER", "WM/ModifiedBy"),
    Field(("conductor",), "TPE3", f"{_ITUNES}CONDUCTOR", "WM/Conductor"),
    Field(("lyricist", "writer"), "TEXT", f"{_ITUNES}LYRICIST", "WM/Writer", ("IWRI",)),
    Field(("originalartist",), "TOPE", f"{_ITUNES}ORIGINALARTIST", "WM/OriginalArtist"),
    Field(("originaldate", "originalyear"), "TDOR", f"{_ITUNES}ORIGINALDATE", "WM/OriginalReleaseTime"),
    Field(("releasedate",), "TDRL", f"{_ITUNES}RELEASEDATE"),
    Field(("language",), "TLAN", f"{_ITUNES}LANGUAGE", "WM/Language", ("ILNG",)),
    Field(("mood",), "TMOO", f"{_ITUNES}MOOD", "WM/Mood"),
    Field(("media",), "TMED", f"{_ITUNES}MEDIA", "WM/Media"),
    Field(("compilation",), "TCMP", "cpil", "WM/IsCompilation"),
    Field(("titlesort",), "TSOT", "sonm", "WM/TitleSortOrder"),
    Field(("artistsort",), "TSOP", "soar", "WM/ArtistSortOrder"),
    Field(("albumsort",), "TSOA", "soal", "WM/AlbumSortOrder"),
    Field(("albumartistsort",), "TSO2", "soaa", "WM/AlbumArtistSortOrder"),
    Field(("composersort",), "TSOC", "soco", "WM/ComposerSortOrder"),
    Field(("producer",), "TIPL:producer", f"{_ITUNES}PRODUCER", "WM/Producer"),
    Field(("engineer",), "TIPL:engineer", f"{_ITUNES}ENGINEER", "WM/Engineer", ("IENG",)),
    Field(("arranger",), "TIPL:arranger", f"{_ITUNES}ARRANGER", "WM/Arranger"),
    Field(("mixer",), "TIPL:mix", f"{_ITUNES}MIXER", "WM/Mixer"),
    Field(("djmixer",), "TIPL:DJ-mix", f"{_ITUNES}DJMIXER", "WM/DJMixer"),
    _custom(("catalognumber", "catalog", "catalog_number", "labelno"), "CATALOGNUMBER", "WM/CatalogNo"),
    _custom(("barcode", "ean/upc", "upc", "ean"), "BARCODE", "WM/Barcode"),
    _custom(("asin",), "ASIN", "ASIN"),
    _custom(("script",), "SCRIPT", "WM/Script"),
    Field(
        ("musicbrainz_trackid",),
        "UFID:http://musicbrainz.org",
        f"{_ITUNES}MusicBrainz Track Id",
        "MusicBrainz/Track Id",
    ),
    _custom(("musicbrainz_albumid",), "MusicBrainz Album Id", "MusicBrainz/Album Id"),
    _custom(("musicbrainz_artistid",), "MusicBrainz Artist Id", "MusicBrainz/Artist Id"),
    _custom(("musicbrainz_albumartistid",), "MusicBrainz Album Artist Id", "MusicBrainz/Album Artist Id"),
    _custom(("musicbrainz_releasegroupid",), "MusicBrainz Release Group Id", "MusicBrainz/Release Group Id"),
    _custom(("musicbrainz_releasetrackid",), "MusicBrainz Release Track Id", "MusicBrainz/Release Track Id"),
    _custom(("musicbrainz_workid",), "MusicBrainz Work Id", "MusicBrainz/Work Id"),
    _custom(("releasestatus",), "MusicBrainz Album Status", "MusicBrainz/Album Status"),
    _custom(("releasetype",), "MusicBrainz Album Type", "MusicBrainz/Album Type"),
    _custom(("releasecountry",), "MusicBrainz Album Release Country", "MusicBrainz/Album Release Country"),
    _custom(("acoustid_id",), "Acoustid Id", "Acoustid/Id"),
)
"""Sources: the ID3 standard 2.4.0 (4.2), RFC 9639 (8.6), Apple's Core Audio Format (Information Chunk), Multimedia
Programming Interface and Data Specifications 1.0 (INFO list), and MusicBrainz Picard's table of tags."""

TOTALS: Mapping[str, tuple[str, ...]] = {
    "tracknumber": ("tracktotal", "totaltracks"),
    "discnumber": ("disctotal", "totaldiscs"),
}
"""The Vorbis comments that hold the `12` of `3/12`, as it is in other formats and in `Tags`."""

_FIELDS_BY_FREE_NAME = {name: field.name for field in reversed(FIELDS) for name in field.free_names}

_OF_THE_FILE = re.compile(
    r"replaygain_|r128_|mp3gain_|itun|encod|source application|channel layout|nominal bit rate|tool$"
    r"|acoustid.fingerprint|accurateripdisc|metadata_block_picture|coverart|cover art|waveformatextensible_|tsse$|isft$"
    r"|wmfsdk|deviceconformance|mediafoundation|isvbr$|duration$|bps$|number_of_|_statistics|major_brand|minor_version"
    r"|compatible_brands|creation_time"
)
"""Names of what describes the recording's own file, its loudness or its encoding: it would be wrong for a stem."""


def name_texts(found: Iterable[tuple[str, object]]) -> dict[str, list[object]]:
    """Return values, found under names that their format leaves free, by the names within Stemline.

    Names that no field has stay as they are, in lower case. Where a field was found under several of its names with
    different values, the usual name gives the field, and the others stay.
    """
    by_name: dict[str, list[object]] = {}
    for name, value in found:
        key = name.strip().lower()
        if not _OF_THE_FILE.match(key):
            by_name.setdefault(key, []).append(value)
    named: dict[str, list[object]] = {}
    for key in sorted(by_name, key=_rank):
        name = _FIELDS_BY_FREE_NAME.get(key, key)
        if name not in named:
            named[name] = by_name[key]
        elif not set(map(str, by_name[key])) <= set(map(str, named[name])):
            named[key] = by_name[key]
    return _with_totals(named)


def _rank(key: str) -> int:
    """Return the place of a name among those of its field; 0 for a name that no field has."""
    field = _FIELDS_BY_NAME.get(_FIELDS_BY_FREE_NAME.get(key, ""))
    return field.free_names.index(key) if field else 0


_FIELDS_BY_NAME = {field.name: field for field in FIELDS}


def _with_totals(texts: dict[str, list[object]]) -> dict[str, list[object]]:
    """Turn `3` and a total of `12` into `3/12`."""
    for name, totals in TOTALS.items():
        values = [texts.pop(total) for total in totals if total in texts]
        if values and texts.get(name) and "/" not in str(texts[name][0]):
            texts[name] = [f"{texts[name][0]}/{values[0][0]}"]
    return texts


def merge_texts(*found: Mapping[str, Iterable[object]]) -> dict[str, list[object]]:
    """Return the values of each name from the first of `found` that has any."""
    merged: dict[str, list[object]] = {}
    for texts in found:
        for name, values in texts.items():
            if not merged.get(name):
                merged[name] = list(values)
    return merged
