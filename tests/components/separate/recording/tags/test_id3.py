"""ID3 tags of every version at the head or the end of an MP3, or in a WAV."""

from pathlib import Path

import mutagen
import pytest
import soundfile
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, ID3, TALB, TDRC, TIT2, TPE1

from components.separate.recording.tags.copied_tags import COVER_BYTES, Cover, Tags
from components.separate.recording.tags.file_tags import read_tags
from tests.components.separate.tagged_music import id3_frame, id3_tag, jpeg, seven_bits, tagged_recording, written_mp3


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("encoding", [1, 3])
def test_id3_is_read_in_every_version_and_encoding(tmp_path: Path, version: int, encoding: int) -> None:
    tag = ID3()
    tag.add(TIT2(encoding=encoding, text=["歌 ÿ\u00e0"]))
    tag.add(TPE1(encoding=encoding, text=["AC"] if version == 3 else ["A", "B"]))
    tag.add(TDRC(encoding=encoding, text=["1999-12-31"]))
    tag.add(COMM(encoding=encoding, lang="eng", desc="", text=["words"]))
    tag.add(COMM(encoding=encoding, lang="eng", desc="iTunNORM", text=["0000"]))
    tag.add(APIC(encoding=encoding, mime="image/jpeg", type=0, desc="a\u00e0", data=jpeg()))
    path = written_mp3(tmp_path / "a.mp3")
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
        Cover("image/jpeg", jpeg()),
    )


def test_id3_version_2_2_is_read(tmp_path: Path) -> None:
    frames = ((b"TT2", b"\0A"), (b"TYE", b"\x001999"), (b"TCO", b"\0(8)"), (b"PIC", b"\0JPG\x03\0" + jpeg()))
    body = b"".join(name + len(data).to_bytes(3) + data for name, data in frames)
    tags = read_tags(written_mp3(tmp_path / "a.mp3", id3_tag(2, body + bytes(20))))
    assert tags.texts == {"title": ("A",), "date": ("1999",), "genre": ("Jazz",)}
    assert tags.cover == Cover("image/jpeg", jpeg())


def test_id3_version_1_is_read_without_version_2(tmp_path: Path) -> None:
    end = b"TAG" + b"Title".ljust(30, b"\0") + b"Artist".ljust(30, b"\0") + bytes(30) + b"1999" + b"c".ljust(30, b"\0")
    tags = read_tags(written_mp3(tmp_path / "a.mp3", id3_tag(3, id3_frame(b"TIT2", b"\0Longer title")), end + b"\x08"))
    expected = {"title": "Longer title", "artist": "Artist", "date": "1999", "genre": "Jazz", "comment": "c"}
    assert tags.texts == {name: (value,) for name, value in expected.items()}


def test_id3_variants_of_itunes_are_read(tmp_path: Path) -> None:
    long = b"\0" + b"x" * 199
    version_3 = id3_tag(3, b"\0\0\0\6" + bytes(6) + id3_frame(b"TIT2", b"\0A"), 0x40)
    flag_only = id3_tag(3, id3_frame(b"TIT2", b"\0A"), 0x40)
    version_4 = id3_tag(4, b"\0\0\0\6\1\0" + b"TIT2" + seven_bits(2) + b"\0\0\0A", 0x40)
    everything = id3_tag(3, id3_frame(b"TIT2", b"\0\xff\xee!").replace(b"\xff", b"\xff\0"), 0x80)
    frame_only = id3_tag(4, b"TIT2" + seven_bits(9) + b"\0\3\0\0\0\4\0\xff\0\xee!")
    itunes = id3_tag(4, b"TALB" + len(long).to_bytes(4) + b"\0\0" + long + b"TIT2\0\0\0\2\0\0\0A")
    for number, (tag, title) in enumerate(
        [(version_3, "A"), (flag_only, "A"), (version_4, "A"), (everything, "ÿî!"), (frame_only, "ÿî!"), (itunes, "A")]
    ):
        assert read_tags(written_mp3(tmp_path / f"{number}.mp3", tag)).texts["title"] == (title,), number


def test_id3_in_a_wav_precedes_info(tmp_path: Path) -> None:
    path = tagged_recording(tmp_path, "wav", {"title": "Short", "genre": "Folk"})
    file = mutagen.File(path)
    file.add_tags()
    file.tags.add(TIT2(encoding=3, text=["A longer title"]))
    file.save()
    assert read_tags(path).texts == {"title": ("A longer title",), "genre": ("Folk",)}


@pytest.mark.parametrize(
    ("kind", "data", "is_kept"),
    [
        (3, b"\xff\xd8\xff" + bytes(100), True),
        (3, b"\xff\xd8\xff" + bytes(COVER_BYTES - 3), True),
        (3, b"\xff\xd8\xff" + bytes(COVER_BYTES - 2), False),  # too large
        (4, b"\xff\xd8\xff" + bytes(100), False),  # the back
        (3, b"http://a.example/cover.jpg", False),  # a link instead of a picture
    ],
)
def test_only_a_front_cover_of_a_bounded_size_is_kept(tmp_path: Path, kind: int, data: bytes, is_kept: bool) -> None:
    path = written_mp3(tmp_path / "a.mp3")
    tag = ID3()
    tag.add(TALB(encoding=3, text=["A"]))
    tag.add(APIC(encoding=3, mime="image/jpeg", type=kind, desc="", data=data))
    tag.save(path)
    tags = read_tags(path)
    assert (tags.texts, tags.cover) == ({"album": ("A",)}, Cover("image/jpeg", data) if is_kept else None)
    assert bool(tags.left_out) is not is_kept


def test_text_is_copied_whatever_the_size_of_the_pictures(tmp_path: Path) -> None:
    path = written_mp3(tmp_path / "a.mp3")
    tag = ID3()
    tag.add(TALB(encoding=3, text=["A"]))
    tag.add(APIC(encoding=3, mime="image/jpeg", type=3, desc="", data=b"\xff\xd8\xff" + bytes(17_000_000)))
    tag.save(path)
    left_out = ("a picture of 17,000,003 bytes in the tags (the limit is 5,000,000)",)
    assert read_tags(path) == Tags({"album": ("A",)}, None, left_out)


def test_text_of_flac_is_copied_whatever_the_size_of_its_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, [0.1] * 1000, 44100)
    flac = FLAC(path)
    flac["isrc"] = "XXXXX2400001"
    for kind in (3, 4):
        picture = Picture()
        picture.type, picture.mime, picture.data = kind, "image/jpeg", b"\xff\xd8\xff" + bytes(9_000_000)
        flac.add_picture(picture)
    flac.save()
    tags = read_tags(path)
    assert (tags.texts, len(tags.left_out)) == ({"isrc": ("XXXXX2400001",)}, 2)


def test_truncated_frame_is_left_out(tmp_path: Path) -> None:
    cover = id3_frame(b"APIC", b"\0image/jpeg\0\3\0" + jpeg())
    tags = read_tags(written_mp3(tmp_path / "a.mp3", id3_tag(3, id3_frame(b"TALB", b"\0A") + cover[:-1])))
    assert tags == Tags({"album": ("A",)})
