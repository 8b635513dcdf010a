"""Tags on their way from recordings of any format to stems: whole, in any script, at no cost to the samples."""

import base64
import resource
import struct
import subprocess
import time
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest
import soundfile
from core.tiny import noise
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen.asf import ASF, ASFByteArrayAttribute
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, ID3, TALB, TDRC, TIT2, TPE1
from mutagen.mp4 import MP4, MP4FreeForm
from PIL import Image

from components.core import ffmpeg
from components.separate.output import Output, StemWriter
from components.separate.quantise import encoding_for
from components.separate.tags import Cover, Tags, copy_tags, read_tags, write_tags
from components.separate.tags.bounds import BoundedFile
from components.separate.tags.fields import COVER_BYTES, FIELDS

WRITTEN = {
    "title": "Été à Łódź",
    "artist": "歌手 🎵",
    "album": "אלבום",
    "album_artist": "Σύνολο",
    "track": "3/12",
    "disc": "1/2",
    "date": "2003-05-01",
    "genre": "Jazz",
    "composer": "Nino Ó Ríordáin",
    "comment": "a comment",
    "copyright": "© 2003",
    "publisher": "A Label",
    "TSRC": "USABC1234567",
    "TBPM": "120",
}
"""As ffmpeg calls them."""
READ = {
    "title": "Été à Łódź",
    "artist": "歌手 🎵",
    "album": "אלבום",
    "albumartist": "Σύνολο",
    "tracknumber": "3/12",
    "discnumber": "1/2",
    "date": "2003-05-01",
    "genre": "Jazz",
    "composer": "Nino Ó Ríordáin",
    "isrc": "USABC1234567",
    "comment": "a comment",
    "copyright": "© 2003",
    "label": "A Label",
    "bpm": "120",
}
NOT_FROM_FFMPEG = {
    "mp3": {"comment"},  # in a frame of its own invention
    "aiff": {"comment"},
    "flac": {"isrc", "bpm"},
    "ogg": {"isrc", "bpm"},
    "opus": {"isrc", "bpm"},
    "m4a": {"isrc", "bpm", "label"},
    "wma": {"isrc", "bpm", "date"},
    "wav": {"isrc", "bpm", "label", "albumartist", "discnumber", "composer"},
}
FULL = Tags({name: (value,) for name, value in READ.items()}, None)
STEMS = {
    "wav": Output(".wav", "WAV", encoding_for("PCM_24")),
    "float.wav": Output(".wav", "WAV", encoding_for("FLOAT")),
    "flac": Output(".flac", "FLAC", encoding_for("PCM_24")),
    "aiff": Output(".aiff", "AIFF", encoding_for("PCM_24")),
    "float.aiff": Output(".aiff", "AIFF", encoding_for("FLOAT")),
    "caf": Output(".caf", "CAF", encoding_for("PCM_24")),
    "rf64.wav": Output(".wav", "RF64", encoding_for("FLOAT")),
}
WITHOUT_TAGS = ("caf", "rf64.wav")
WITH_TAGS = tuple(name for name in STEMS if name not in WITHOUT_TAGS)


def _picture(size: int = 16) -> bytes:
    out = BytesIO()
    Image.new("RGB", (size, size), (200, 30, 30)).save(out, "JPEG")
    return out.getvalue()


def _stem(folder: Path, name: str, samples: int = 1001, channels: int = 1) -> Path:
    output = STEMS[name]
    path = folder / f"{name.partition('.')[0]}{output.suffix}"
    with StemWriter(path, output, 44100, channels) as writer:
        if output.encoding.bits:
            writer.write((noise(1, samples, channels, 0.9) * 2.0**23).astype(np.int32) << 8)
        else:
            writer.write(noise(1, samples, channels, 2.0).astype(np.float64))
    return path


def _recording(folder: Path, suffix: str, tags: dict[str, str], cover: bytes = b"") -> Path:
    """A second of a tone, made and tagged by ffmpeg."""
    path, picture = folder / f"a.{suffix}", folder / "cover.jpg"
    inputs = ["-f", "lavfi", "-i", "sine=duration=0.3"]
    if cover:
        picture.write_bytes(cover)
        inputs += ["-i", str(picture), "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"]
    named = [word for name, value in tags.items() for word in ("-metadata", f"{name}={value}")]
    options = ["-write_id3v2", "1"] if suffix == "aiff" else []
    command = [ffmpeg.find_tool("ffmpeg"), "-nostdin", "-v", "error", "-y", *inputs, *options, *named, str(path)]
    subprocess.run(command, check=True, timeout=60)
    return path


def _mp3(path: Path, tag: bytes = b"", end: bytes = b"") -> Path:
    soundfile.write(path, noise(1, 5000, 1).T, 44100, format="MP3")
    path.write_bytes(tag + path.read_bytes() + end)
    return path


def _id3(version: int, body: bytes, flags: int = 0) -> bytes:
    return b"ID3" + bytes([version, 0, flags]) + _seven_bits(len(body)) + body


def _seven_bits(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def _frame(name: bytes, data: bytes, flags: int = 0) -> bytes:
    """Of version 2.3."""
    return name + len(data).to_bytes(4) + flags.to_bytes(2) + data


def _probe(path: Path) -> dict[str, str]:
    """Tags as ffmpeg reads them, names in lower case."""
    command = [ffmpeg.find_tool("ffprobe"), "-v", "error", "-show_entries", "format_tags", "-of", "default=nk=0:nw=1"]
    result = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True, timeout=60)
    lines = (line.removeprefix("TAG:").partition("=") for line in result.stdout.splitlines())
    return {name.lower(): value for name, _, value in lines}


@pytest.mark.parametrize("suffix", NOT_FROM_FFMPEG)
def test_tags_of_every_format_are_read(tmp_path: Path, suffix: str) -> None:
    tags = read_tags(_recording(tmp_path, suffix, WRITTEN))
    expected = {name: (value,) for name, value in READ.items() if name not in NOT_FROM_FFMPEG[suffix]}
    assert tags.texts == expected | {name: tags.texts[name] for name in tags.texts if name not in expected}
    assert set(tags.texts) - set(expected) <= NOT_FROM_FFMPEG[suffix]


@pytest.mark.parametrize("suffix", ["mp3", "flac", "m4a", "aiff"])
def test_covers_are_read(tmp_path: Path, suffix: str) -> None:
    cover = _picture()
    assert read_tags(_recording(tmp_path, suffix, {}, cover)).cover == Cover("image/jpeg", cover)


def test_the_cover_of_an_ogg_is_read(tmp_path: Path) -> None:
    path, picture = _recording(tmp_path, "ogg", {"title": "A"}), Picture()
    picture.type, picture.data = 3, _picture()
    file = mutagen.File(path)
    file["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
    file.save()
    assert read_tags(path) == Tags({"title": ("A",)}, Cover("image/jpeg", picture.data))


def test_the_cover_of_a_wma_is_read(tmp_path: Path) -> None:
    path, cover = _recording(tmp_path, "wma", {"title": "A"}), _picture()
    file = ASF(path)
    head = struct.pack("<BI", 3, len(cover)) + "image/jpeg\0front\0".encode("utf-16-le")
    file["WM/Picture"] = [ASFByteArrayAttribute(head + cover)]
    file.save()
    assert read_tags(path).cover == Cover("image/jpeg", cover)


def test_names_of_itunes_are_read(tmp_path: Path) -> None:
    path = _recording(tmp_path, "m4a", {"title": "A"})
    file = MP4(path)
    file["----:com.apple.iTunes:ISRC"] = [MP4FreeForm(b"USABC1234567")]
    file["tmpo"] = [98]
    file["trkn"] = [(7, 0)]
    file["\xa9ART"] = ["A", "B"]
    file.save()
    expected = {"title": ("A",), "artist": ("A", "B"), "tracknumber": ("7",), "isrc": ("USABC1234567",), "bpm": ("98",)}
    assert read_tags(path).texts == expected


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("encoding", [1, 3])
def test_id3_of_either_version_and_encoding(tmp_path: Path, version: int, encoding: int) -> None:
    tag = ID3()
    tag.add(TIT2(encoding=encoding, text=["歌 ÿ\u00e0"]))
    tag.add(TPE1(encoding=encoding, text=["AC"] if version == 3 else ["A", "B"]))
    tag.add(TDRC(encoding=encoding, text=["1999-12-31"]))
    tag.add(COMM(encoding=encoding, lang="eng", desc="", text=["words"]))
    tag.add(COMM(encoding=encoding, lang="eng", desc="iTunNORM", text=["0000"]))
    tag.add(APIC(encoding=encoding, mime="image/jpeg", type=0, desc="a\u00e0", data=_picture()))
    path = _mp3(tmp_path / "a.mp3")
    if version == 3:
        tag.update_to_v23()
    tag.save(path, v2_version=version)
    assert read_tags(path) == Tags(
        {
            "title": ("歌 ÿ\u00e0",),
            "artist": ("AC",) if version == 3 else ("A", "B"),
            "date": ("1999-12-31",),
            "comment": ("words",),
        },
        Cover("image/jpeg", _picture()),
    )


def test_id3_of_version_2_2(tmp_path: Path) -> None:
    frames = ((b"TT2", b"\0A"), (b"TYE", b"\x001999"), (b"TCO", b"\0(8)"), (b"PIC", b"\0JPG\x03\0" + _picture()))
    body = b"".join(name + len(data).to_bytes(3) + data for name, data in frames)
    tags = read_tags(_mp3(tmp_path / "a.mp3", _id3(2, body + bytes(20))))
    assert tags.texts == {"title": ("A",), "date": ("1999",), "genre": ("Jazz",)}
    assert tags.cover == Cover("image/jpeg", _picture())


def test_id3_version_1_where_there_is_no_other(tmp_path: Path) -> None:
    end = b"TAG" + b"Title".ljust(30, b"\0") + b"Artist".ljust(30, b"\0") + bytes(30) + b"1999" + b"c".ljust(30, b"\0")
    tags = read_tags(_mp3(tmp_path / "a.mp3", _id3(3, _frame(b"TIT2", b"\0Longer title")), end + b"\x08"))
    expected = {"title": "Longer title", "artist": "Artist", "date": "1999", "genre": "Jazz", "comment": "c"}
    assert tags.texts == {name: (value,) for name, value in expected.items()}


def test_id3_with_extended_header_unsynchronised_frames_and_sizes_of_itunes(tmp_path: Path) -> None:
    long = b"\0" + b"x" * 199
    version_3 = _id3(3, b"\0\0\0\6" + bytes(6) + _frame(b"TIT2", b"\0A"), 0x40)
    flag_only = _id3(3, _frame(b"TIT2", b"\0A"), 0x40)
    version_4 = _id3(4, b"\0\0\0\6\1\0" + b"TIT2" + _seven_bits(2) + b"\0\0\0A", 0x40)
    everything = _id3(3, _frame(b"TIT2", b"\0\xff\xee!").replace(b"\xff", b"\xff\0"), 0x80)
    frame_only = _id3(4, b"TIT2" + _seven_bits(9) + b"\0\3\0\0\0\4\0\xff\0\xee!")
    itunes = _id3(4, b"TALB" + len(long).to_bytes(4) + b"\0\0" + long + b"TIT2\0\0\0\2\0\0\0A")
    for number, (tag, title) in enumerate(
        [(version_3, "A"), (flag_only, "A"), (version_4, "A"), (everything, "ÿî!"), (frame_only, "ÿî!"), (itunes, "A")]
    ):
        assert read_tags(_mp3(tmp_path / f"{number}.mp3", tag)).texts["title"] == (title,), number


def test_id3_in_a_wav_goes_before_info(tmp_path: Path) -> None:
    path = _recording(tmp_path, "wav", {"title": "Short", "genre": "Folk"})
    file = mutagen.File(path)
    file.add_tags()
    file.tags.add(TIT2(encoding=3, text=["A longer title"]))
    file.save()
    assert read_tags(path).texts == {"title": ("A longer title",), "genre": ("Folk",)}


def test_a_format_is_told_by_its_content(tmp_path: Path) -> None:
    path = _recording(tmp_path, "flac", {"title": "A"})
    assert read_tags(path.rename(tmp_path / "a.mp3")).texts == {"title": ("A",)}


@pytest.mark.parametrize("name", WITH_TAGS)
def test_stems_say_what_the_recording_said_and_which_they_are(tmp_path: Path, name: str) -> None:
    stem, cover = _stem(tmp_path, name), Cover("image/jpeg", _picture())
    write_tags(stem, Tags({**FULL.texts, "artist": ("歌手 🎵", "B; C/D")}, cover), "vocals")
    expected = {**FULL.texts, "title": ("Été à Łódź (vocals)",), "artist": ("歌手 🎵", "B; C/D")}
    assert read_tags(stem) == Tags(expected, cover)
    shown = _probe(stem)
    assert (shown["title"], shown["album"]) == ("Été à Łódź (vocals)", "אלבום")
    assert "歌手 🎵" in shown["artist"]


def test_a_flac_has_number_and_total_apart(tmp_path: Path) -> None:
    stem = _stem(tmp_path, "flac")
    write_tags(stem, FULL, "drums")
    file = FLAC(stem)
    assert (file["tracknumber"], file["tracktotal"], file["disctotal"]) == (["3"], ["12"], ["2"])


@pytest.mark.parametrize("name", WITHOUT_TAGS)
def test_formats_without_tags_stay_as_they_are(tmp_path: Path, name: str) -> None:
    stem = _stem(tmp_path, name)
    before = stem.read_bytes()
    write_tags(stem, FULL, "vocals")
    assert stem.read_bytes() == before


@pytest.mark.parametrize("name", STEMS)
def test_without_tags_a_stem_stays_as_it_is(tmp_path: Path, name: str) -> None:
    stem, source = _stem(tmp_path, name), tmp_path / "source.wav"
    soundfile.write(source, noise(1, 100).T, 44100)
    before = stem.read_bytes()
    copy_tags(source, stem, "vocals")
    assert stem.read_bytes() == before


def test_a_recording_without_title_gives_the_stem_its_name(tmp_path: Path) -> None:
    stem = _stem(tmp_path, "flac")
    write_tags(stem, Tags({"artist": ("A",)}), "vocals")
    assert read_tags(stem).texts == {"title": ("vocals",), "artist": ("A",)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(WITH_TAGS),
    samples=st.integers(1, 3000),
    channels=st.integers(1, 3),
    title=st.text(min_size=1, max_size=50),
    cover=st.booleans(),
)
def test_samples_are_untouched_and_any_text_survives(
    tmp_path: Path, name: str, samples: int, channels: int, title: str, cover: bool
) -> None:
    stem = _stem(tmp_path, name, samples, channels)
    dtype = STEMS[name].encoding.dtype
    before = soundfile.read(stem, dtype=dtype, always_2d=True)
    source = Tags({"title": (title,)}, Cover("image/jpeg", _picture()) if cover else None)
    write_tags(stem, source, "a")
    after = soundfile.read(stem, dtype=dtype, always_2d=True)
    assert after[1] == before[1]
    assert np.array_equal(after[0], before[0])
    with ffmpeg.decoded(stem, 0) as pipe:
        decoded = np.frombuffer(b"".join(iter(lambda: pipe.read(1 << 16), b"")), "<f4").reshape(-1, channels)
    assert np.array_equal(decoded, soundfile.read(stem, dtype="float32", always_2d=True)[0])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["flac", "wav", "aiff"]),
    values=st.lists(st.text(max_size=80), max_size=40),
    field=st.sampled_from([field.name for field in FIELDS]),
)
def test_what_a_file_may_say_can_be_written_to_every_stem(
    tmp_path: Path, name: str, values: list[str], field: str
) -> None:
    """From FLAC, which holds any text; dates and numbers that are none are ID3's to refuse."""
    source = tmp_path / "source.flac"
    soundfile.write(source, noise(1, 10).T, 44100)
    file = FLAC(source)
    file.tags.extend((field.upper(), value) for value in values)
    file.save()
    tags, stem = read_tags(source), _stem(tmp_path, name, samples=10)
    write_tags(stem, tags, "a")
    written = read_tags(stem)
    if name == "flac" and tags:
        assert written == tags.of_stem("a")
    assert read_tags(stem) == written


def test_the_same_tags_give_the_same_bytes(tmp_path: Path) -> None:
    found: list[list[bytes]] = []
    for _ in range(2):
        stems = [_stem(tmp_path, name) for name in WITH_TAGS]
        for stem in stems:
            write_tags(stem, Tags(FULL.texts, Cover("image/jpeg", _picture())), "vocals")
        found.append([stem.read_bytes() for stem in stems])
        time.sleep(1.1)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("kind", "data", "is_kept"),
    [
        (3, b"\xff\xd8\xff" + bytes(100), True),
        (3, b"\xff\xd8\xff" + bytes(COVER_BYTES - 3), True),
        (3, b"\xff\xd8\xff" + bytes(COVER_BYTES - 2), False),  # too large
        (4, b"\xff\xd8\xff" + bytes(100), False),  # the back
        (3, b"http://a.example/cover.jpg", False),  # what ID3 calls a link
    ],
)
def test_only_a_front_cover_of_a_bounded_size_is_kept(tmp_path: Path, kind: int, data: bytes, is_kept: bool) -> None:
    path = _mp3(tmp_path / "a.mp3")
    tag = ID3()
    tag.add(TALB(encoding=3, text=["A"]))
    tag.add(APIC(encoding=3, mime="image/jpeg", type=kind, desc="", data=data))
    tag.save(path)
    assert read_tags(path) == Tags({"album": ("A",)}, Cover("image/jpeg", data) if is_kept else None)


def test_values_are_bounded_in_number_and_length(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(1, 10).T, 44100)
    file = FLAC(path)
    file.tags.extend([("title", "x" * 100_000), *(("artist", str(number)) for number in range(100))])
    file.save()
    texts = read_tags(path).texts
    assert len(texts["title"][0]) == 4096
    assert texts["artist"] == tuple(str(number) for number in range(32))


def _many_frames() -> bytes:
    return _id3(3, b"".join(_frame(b"TPE1", b"\0%d" % number) for number in range(400_000)))


def _one_text_of_many_values() -> bytes:
    return _id3(3, _frame(b"TPE1", b"\0" + b"a\0" * 7_000_000))


def _compressed_letters() -> bytes:
    packed = zlib.compress(b"\0" + b"a" * 30_000_000)
    return _id3(3, _frame(b"TIT2", len(packed).to_bytes(4) + packed, 0x80) + _frame(b"TALB", b"\0A"))


def _chunks(form: bytes) -> Callable[[], bytes]:
    return lambda: form + b"abcd\0\0\0\0" * 1_800_000


def _nested_atoms() -> bytes:
    data = b""
    for _ in range(20_000):
        data = (len(data) + 8).to_bytes(4) + b"moov" + data
    return b"\0\0\0\x10ftypM4A \0\0\0\0" + data


def _empty_blocks() -> bytes:
    return b"fLaC\0\0\0\x22" + bytes(34) + b"\1\0\0\0" * 3_000_000


HOSTILE: dict[str, Callable[[], bytes]] = {
    "many frames": _many_frames,
    "one text of many values": _one_text_of_many_values,
    "compressed letters": _compressed_letters,
    "chunks of a wav": _chunks(b"RIFF\0\0\0\0WAVE"),
    "chunks of an aiff": _chunks(b"FORM\0\0\0\0AIFF"),
    "nested atoms": _nested_atoms,
    "empty blocks": _empty_blocks,
    "a size beyond the end": lambda: b"ID3\3\0\0\x7f\x7f\x7f\x7f" + b"TIT2\x7f\x7f\x7f\x7f\0\0\0A",
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_tags_made_to_exhaust_their_reader_do_not(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(HOSTILE[name]())
    started = time.process_time()
    tags = read_tags(path)
    assert time.process_time() - started < 5
    assert sum(len(value) for values in tags.texts.values() for value in values) < 100_000


def test_compressed_frames_are_left_out_and_their_neighbours_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(_compressed_letters())
    assert read_tags(path).texts == {"album": ("A",)}


def test_a_frame_that_is_cut_is_left_out(tmp_path: Path) -> None:
    cover = _frame(b"APIC", b"\0image/jpeg\0\3\0" + _picture())
    tags = read_tags(_mp3(tmp_path / "a.mp3", _id3(3, _frame(b"TALB", b"\0A") + cover[:-1])))
    assert tags == Tags({"album": ("A",)})


def test_no_more_than_so_much_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(100))
    with path.open("rb") as file:
        assert BoundedFile(file, 100).read() == bytes(100)
        file.seek(0)
        with pytest.raises(OSError, match="more tags"):
            BoundedFile(file, 99).read()
        file.seek(0)
        few = BoundedFile(file, 100, most_reads=2)
        assert few.read(3) + few.read(3) == bytes(6)
        with pytest.raises(OSError, match="more tags"):
            few.read(3)


def test_a_missing_recording_is_no_damaged_tag(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_tags(tmp_path / "a.mp3")


def test_a_full_disk_is_an_oserror(tmp_path: Path) -> None:
    stem, limit = _stem(tmp_path, "wav"), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (stem.stat().st_size + 20, limit[1]))
    try:
        with pytest.raises(OSError):  # mutagen's, or the system's own
            write_tags(stem, FULL, "vocals")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small recording of every format."""
    folder = tmp_path_factory.mktemp("seeds")
    for suffix in NOT_FROM_FFMPEG:
        _recording(folder, suffix, WRITTEN)
    return folder


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_never_fail_a_stem(tmp_path: Path, seeds: Path, data: Any) -> None:
    """Bytes changed, cut and doubled in the first kilobytes, where tags are, or anywhere."""
    damaged = bytearray((seeds / f"a.{data.draw(st.sampled_from(sorted(NOT_FROM_FFMPEG)))}").read_bytes())
    places = st.one_of(st.integers(0, 2000), st.integers(0, len(damaged) - 1))
    for place in data.draw(st.lists(places, max_size=8)):
        damaged[min(place, len(damaged) - 1)] = data.draw(st.integers(0, 255))
    first, last = sorted((data.draw(places), data.draw(places)))
    kinds: dict[str, bytes] = {
        "changed": bytes(damaged),
        "cut": bytes(damaged[:first]),
        "removed": bytes(damaged[:first] + damaged[last:]),
        "doubled": bytes(damaged[:last] + damaged[first:]),
    }
    path = tmp_path / "a"
    path.write_bytes(kinds[data.draw(st.sampled_from(sorted(kinds)))])
    tags, stem = read_tags(path), _stem(tmp_path, data.draw(st.sampled_from(["wav", "flac", "aiff"])), samples=50)
    write_tags(stem, tags, "vocals")
    assert soundfile.info(stem).frames == 50
