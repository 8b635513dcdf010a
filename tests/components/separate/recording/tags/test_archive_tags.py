"""The tags that archives live by: identifiers, credits and lyrics, and the chunks of Broadcast Wave and AIFF."""

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.aiff import AIFF
from mutagen.apev2 import APEBinaryValue, APEv2
from mutagen.asf import ASF
from mutagen.flac import FLAC
from mutagen.id3 import COMM, ID3, TCOM, TIPL, TKEY, TMCL, TPE4, TPUB, TXXX, UFID, USLT
from mutagen.mp4 import MP4, MP4FreeForm
from mutagen.wave import WAVE

from components.core.sound import ffmpeg
from components.separate.recording.tags.copied_tags import Cover, Tags
from components.separate.recording.tags.file_tags import describe_left_out, read_tags, write_tags
from tests.components.separate.tagged_music import jpeg, tagged_recording, written_mp3, written_stem
from tests.support.tiny_models import noise

ARCHIVE = {
    "composer": ("Bartók Béla",),
    "label": ("A Label",),
    "initialkey": ("F#m",),
    "lyrics": ("First line\nsecond line",),
    "remixer": ("R",),
    "producer": ("P", "Q"),
    "catalognumber": ("CAT 001",),
    "barcode": ("0123456789012",),
    "musicbrainz_trackid": ("b1a9c0e9-d987-4042-ae91-78d6a3267d69",),
    "musicbrainz_albumid": ("f54ba3c5-8d9b-4e3e-9e0e-2b1c2b0f5a2b",),
    "shelf mark": ("Ton 17",),
}
"""Tags that each of the formats has a place for; the last is a name of somebody's own."""


def _write_mp3(path: Path) -> None:
    written_mp3(path)
    tag = ID3()
    for frame in (
        TCOM(3, list(ARCHIVE["composer"])),
        TPUB(3, list(ARCHIVE["label"])),
        TKEY(3, list(ARCHIVE["initialkey"])),
        USLT(3, "eng", "", ARCHIVE["lyrics"][0]),
        TPE4(3, list(ARCHIVE["remixer"])),
        TIPL(3, [["producer", "P"], ["producer", "Q"]]),
        TXXX(3, "CATALOGNUMBER", list(ARCHIVE["catalognumber"])),
        TXXX(3, "BARCODE", list(ARCHIVE["barcode"])),
        TXXX(3, "MusicBrainz Album Id", list(ARCHIVE["musicbrainz_albumid"])),
        TXXX(3, "Shelf Mark", list(ARCHIVE["shelf mark"])),
        TXXX(3, "REPLAYGAIN_TRACK_GAIN", ["-7.3 dB"]),
        UFID("http://musicbrainz.org", ARCHIVE["musicbrainz_trackid"][0].encode()),
        COMM(3, "eng", "iTunNORM", "0000"),
    ):
        tag.add(frame)
    tag.save(path)


def _write_flac(path: Path) -> None:
    soundfile.write(path, noise(1, 100).T, 44100)
    file = FLAC(path)
    for name, values in ARCHIVE.items():
        file[name.upper()] = list(values)
    file["replaygain_track_gain"] = "-7.3 dB"
    file["encoder"] = "reference libFLAC"
    file.save()


def _write_m4a(path: Path) -> None:
    file = MP4(tagged_recording(path.parent, "m4a", {}))
    for name, values in {"\xa9wrt": "composer", "\xa9lyr": "lyrics"}.items():
        file[name] = list(ARCHIVE[values])
    for name, field in {
        "LABEL": "label",
        "initialkey": "initialkey",
        "REMIXER": "remixer",
        "PRODUCER": "producer",
        "CATALOGNUMBER": "catalognumber",
        "BARCODE": "barcode",
        "MusicBrainz Track Id": "musicbrainz_trackid",
        "MusicBrainz Album Id": "musicbrainz_albumid",
        "Shelf Mark": "shelf mark",
    }.items():
        file[f"----:com.apple.iTunes:{name}"] = [MP4FreeForm(value.encode()) for value in ARCHIVE[field]]
    file["----:com.apple.iTunes:iTunNORM"] = [MP4FreeForm(b"0000")]
    file["----:com.apple.iTunes:replaygain_track_gain"] = [MP4FreeForm(b"-7.3 dB")]
    file["cpil"] = False
    file.save()


def _write_wma(path: Path) -> None:
    file = ASF(tagged_recording(path.parent, "wma", {}))
    for name, field in {
        "WM/Composer": "composer",
        "WM/Publisher": "label",
        "WM/InitialKey": "initialkey",
        "WM/Lyrics": "lyrics",
        "WM/ModifiedBy": "remixer",
        "WM/Producer": "producer",
        "WM/CatalogNo": "catalognumber",
        "WM/Barcode": "barcode",
        "MusicBrainz/Track Id": "musicbrainz_trackid",
        "MusicBrainz/Album Id": "musicbrainz_albumid",
        "Shelf Mark": "shelf mark",
    }.items():
        file[name] = list(ARCHIVE[field])
    file.save()


def _write_ape(path: Path) -> None:
    written_mp3(path)
    tag = APEv2()
    for name, values in ARCHIVE.items():
        tag[{"catalognumber": "Catalog", "barcode": "EAN/UPC", "remixer": "MixArtist"}.get(name, name)] = list(values)
    tag["replaygain_track_gain"] = "-7.3 dB"
    tag["MP3GAIN_MINMAX"] = "101,204"
    tag.save(path)
    path.write_bytes(path.read_bytes() + b"TAG" + bytes(124) + b"\xff")


SOURCES: dict[str, Callable[[Path], None]] = {
    "a.mp3": _write_mp3,
    "a.flac": _write_flac,
    "a.m4a": _write_m4a,
    "a.wma": _write_wma,
    "ape.mp3": _write_ape,
}


@pytest.mark.parametrize("name", SOURCES)
def test_archive_tags_are_read_and_those_of_the_file_are_not(tmp_path: Path, name: str) -> None:
    SOURCES[name](tmp_path / name)
    assert read_tags(tmp_path / name) == Tags(ARCHIVE)


@pytest.mark.parametrize("name", ["wav", "rf64.wav", "flac", "aiff"])
def test_stems_carry_the_tags_of_archives(tmp_path: Path, name: str) -> None:
    stem = written_stem(tmp_path, name, samples=51)
    write_tags(stem, Tags(ARCHIVE), "vocals")
    assert read_tags(stem).texts == {"title": ("vocals",), **ARCHIVE}


@pytest.mark.parametrize(("name", "load"), [("wav", WAVE), ("aiff", AIFF)])
def test_id3_of_stems_has_the_frames_that_other_programs_read(
    tmp_path: Path, name: str, load: Callable[[Path], WAVE | AIFF]
) -> None:
    stem = written_stem(tmp_path, name, samples=51)
    write_tags(stem, Tags(ARCHIVE), "vocals")
    tags = load(stem).tags
    assert tags["USLT::XXX"].text == ARCHIVE["lyrics"][0]
    assert tags["UFID:http://musicbrainz.org"].data.decode() == ARCHIVE["musicbrainz_trackid"][0]
    assert tags["TXXX:MusicBrainz Album Id"].text == list(ARCHIVE["musicbrainz_albumid"])
    assert tags["TXXX:CATALOGNUMBER"].text == ["CAT 001"]
    assert tags["TXXX:SHELF MARK"].text == ["Ton 17"]
    assert tags["TIPL"].people == [["producer", "P"], ["producer", "Q"]]
    assert (tags["TKEY"].text, tags["TPE4"].text) == (["F#m"], ["R"])


def test_flac_stems_have_comments_of_the_usual_names(tmp_path: Path) -> None:
    stem = written_stem(tmp_path, "flac", samples=51)
    write_tags(stem, Tags(ARCHIVE), "vocals")
    assert dict(FLAC(stem).tags.as_dict()) == {
        "title": ["vocals"],
        **{name: list(values) for name, values in ARCHIVE.items()},
    }


def test_musicians_keep_their_instruments(tmp_path: Path) -> None:
    path = written_mp3(tmp_path / "a.mp3")
    tag = ID3()
    tag.add(TMCL(3, [["viola", "A"], ["", "B"]]))
    tag.save(path)
    assert read_tags(path).texts == {"performer": ("A (viola)", "B")}


def test_values_under_several_names_of_a_field_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(1, 100).T, 44100)
    file = FLAC(path)
    file.update({"PUBLISHER": "The publisher", "LABEL": "The label", "ORGANIZATION": "The label"})
    file.save()
    assert read_tags(path).texts == {"label": ("The label",), "publisher": ("The publisher",)}


def test_tag_with_a_name_that_flac_cannot_hold_is_named(tmp_path: Path) -> None:
    path = written_mp3(tmp_path / "a.mp3")
    tag = ID3()
    tag.add(TXXX(3, "棚", ["17"]))
    tag.save(path)
    assert read_tags(path).left_out == ("1 text in the tags, with an unusual name or beyond the limits",)


def test_cover_of_ape_is_read(tmp_path: Path) -> None:
    path, tag = written_mp3(tmp_path / "a.mp3"), APEv2()
    tag["Cover Art (Front)"] = APEBinaryValue(b"cover.jpg\0" + jpeg())
    tag.save(path)
    assert read_tags(path).cover == Cover("image/jpeg", jpeg())


def test_id3_precedes_ape_which_precedes_the_short_id3_version_1(tmp_path: Path) -> None:
    path = written_mp3(tmp_path / "a.mp3")
    ape, id3 = APEv2(), ID3()
    ape["Title"], ape["Composer"], ape["Artist"] = "Ape", "The composer", "A long name of an artist, over thirty"
    ape.save(path)
    id3.add(TKEY(3, ["C"]))
    id3.add(TCOM(3, ["Id3"]))
    id3.save(path)
    path.write_bytes(
        path.read_bytes() + b"TAG" + b"V1".ljust(30, b"\0") + b"A long name of an artist, over" + bytes(64) + b"\xff"
    )
    expected = {"title": "Ape", "artist": "A long name of an artist, over thirty", "composer": "Id3", "initialkey": "C"}
    assert read_tags(path).texts == {name: (value,) for name, value in expected.items()}


@pytest.mark.parametrize("suffix", ["mka", "caf"])
def test_tags_of_matroska_and_caf_are_read(tmp_path: Path, suffix: str) -> None:
    tags = {"title": "T", "artist": "A", "CATALOGNUMBER": "CAT 001", "track": "3/12", "composer": "C"}
    found = read_tags(tagged_recording(tmp_path, suffix, tags)).texts
    expected = {"title": "T", "artist": "A", "tracknumber": "3/12", "composer": "C", "catalognumber": "CAT 001"}
    assert found == {name: (value,) for name, value in expected.items()}


def test_tags_of_dsf_are_read(tmp_path: Path) -> None:
    tag, file = ID3(), tmp_path / "tag"
    tag.add(TKEY(3, ["C"]))
    tag.save(file)
    body = bytes(100)
    path = tmp_path / "a.dsf"
    path.write_bytes(b"DSD " + struct.pack("<QQQ", 28, 128 + file.stat().st_size, 128) + body + file.read_bytes())
    assert read_tags(path).texts == {"initialkey": ("C",)}


BEXT_TEXTS = {
    "comment": ("Take 3",),
    "originator": ("A recorder",),
    "originator_reference": ("XX0001",),
    "origination_date": ("2024-05-06",),
    "origination_time": ("07:08:09",),
    "time_reference": ("5000000000",),
    "coding_history": ("A=PCM,F=44100,W=24",),
}


def _bext() -> bytes:
    return (
        b"Take 3".ljust(256, b"\0")
        + b"A recorder".ljust(32, b"\0")
        + b"XX0001".ljust(32, b"\0")
        + b"2024-05-06"
        + b"07:08:09"
        + (5_000_000_000).to_bytes(8, "little")
        + struct.pack("<H", 2)
        + b"\x06" * 64
        + struct.pack("<5h", -2300, 500, -100, -2000, -2100)
        + bytes(180)
        + b"A=PCM,F=44100,W=24\r\n"
    )


def _broadcast_wave(path: Path) -> dict[bytes, bytes]:
    """Write a wav with the chunks of a field recorder, and return them."""
    soundfile.write(path, noise(1, 1000).T, 44100)
    chunks = {
        b"bext": _bext(),
        b"iXML": b"<BWFXML><PROJECT>P</PROJECT></BWFXML>",
        b"cue ": struct.pack("<I", 1) + struct.pack("<II4sIII", 1, 500, b"data", 0, 0, 500),
        b"LIST": b"adtl" + struct.pack("<4sII", b"labl", 10, 1) + b"Verse\0",
    }
    data = path.read_bytes()
    for name, content in chunks.items():
        data += name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    return chunks


@pytest.mark.parametrize("name", ["wav", "rf64.wav"])
def test_chunks_of_broadcast_wave_are_copied_to_wav(tmp_path: Path, name: str) -> None:
    chunks = _broadcast_wave(tmp_path / "source.wav")
    tags = read_tags(tmp_path / "source.wav")
    stem = written_stem(tmp_path, name)
    samples = soundfile.read(stem)[0]
    write_tags(stem, tags, "vocals")
    data = stem.read_bytes()
    for chunk in (b"iXML", b"cue ", b"LIST"):
        assert chunk + struct.pack("<I", len(chunks[chunk])) + chunks[chunk] in data
    copied = data[data.index(b"bext") + 8 :]
    assert copied[:348] == chunks[b"bext"][:348]  # up to the time reference and version
    assert copied[348:412] == bytes(64)  # the UMID is that of another material
    assert copied[412:422] == b"\xff\x7f" * 5  # the loudness is not that of the stem
    assert describe_left_out(tags, "WAV") == ()
    assert np.array_equal(soundfile.read(stem)[0], samples)


def test_other_programs_read_the_chunks_of_a_wav_stem(tmp_path: Path) -> None:
    _broadcast_wave(tmp_path / "source.wav")
    stem = written_stem(tmp_path, "wav")
    write_tags(stem, read_tags(tmp_path / "source.wav"), "vocals")
    command = [ffmpeg.find_tool("ffprobe"), "-v", "error", "-show_entries", "format_tags", "-of", "default"]
    shown = subprocess.run([*command, str(stem)], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "time_reference=5000000000" in shown
    assert "TAG:title=vocals" in shown


@pytest.mark.parametrize(("name", "container"), [("flac", "FLAC"), ("aiff", "AIFF"), ("caf", "CAF")])
def test_texts_of_broadcast_wave_are_copied_to_formats_without_its_chunk(
    tmp_path: Path, name: str, container: str
) -> None:
    _broadcast_wave(tmp_path / "source.wav")
    tags = read_tags(tmp_path / "source.wav")
    stem = written_stem(tmp_path, name, samples=51)
    write_tags(stem, tags, "vocals")
    assert read_tags(stem).texts == {"title": ("vocals",), **BEXT_TEXTS}
    expected = f"iXML, cue, adtl in the tags, for which {container.lower()} has no place"
    assert describe_left_out(tags, container) == (expected,)


def _with_aiff_chunks(path: Path, chunks: dict[bytes, bytes]) -> None:
    data = path.read_bytes()
    for name, content in chunks.items():
        data += name + struct.pack(">I", len(content)) + content + bytes(len(content) % 2)
    path.write_bytes(data[:4] + struct.pack(">I", len(data) - 8) + data[8:])


def test_markers_and_texts_of_aiff_are_copied(tmp_path: Path) -> None:
    source, stem = tmp_path / "source.aiff", written_stem(tmp_path, "aiff")
    soundfile.write(source, noise(1, 1000).T, 44100)
    marker = struct.pack(">HHI", 1, 1, 500) + b"\x05Verse"
    _with_aiff_chunks(source, {b"MARK": marker, b"NAME": b"A title", b"AUTH": b"An author", b"ANNO": b"A note"})
    samples = soundfile.read(stem)[0]
    tags = read_tags(source)
    write_tags(stem, tags, "vocals")
    assert b"MARK" + struct.pack(">I", len(marker)) + marker in stem.read_bytes()
    expected = {"title": ("A title (vocals)",), "artist": ("An author",), "comment": ("A note",)}
    assert read_tags(stem).texts == expected
    assert np.array_equal(soundfile.read(stem)[0], samples)
    assert describe_left_out(tags, "FLAC") == ("MARK in the tags, for which flac has no place",)


def test_chunk_that_is_too_large_is_named(tmp_path: Path) -> None:
    source = tmp_path / "source.aiff"
    soundfile.write(source, noise(1, 1000).T, 44100)
    _with_aiff_chunks(source, {b"ANNO": b"A" * 1_000_001, b"NAME": b"A title"})
    tags = read_tags(source)
    assert tags.texts == {"title": ("A title",)}
    assert tags.left_out == ("the chunk ANNO of 1,000,001 bytes (the limit is 1,000,000)",)


def test_cover_that_caf_has_no_place_for_is_named() -> None:
    assert describe_left_out(Tags(cover=Cover("image/jpeg", jpeg())), "CAF") == (
        "the cover, for which caf has no place",
    )


def test_tags_of_rf64_are_read(tmp_path: Path) -> None:
    stem = written_stem(tmp_path, "rf64.wav", samples=51)
    write_tags(stem, Tags({"composer": ("C",)}, Cover("image/jpeg", jpeg())), "bass")
    assert read_tags(stem) == Tags({"title": ("bass",), "composer": ("C",)}, Cover("image/jpeg", jpeg()))
