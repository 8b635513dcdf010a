"""Tags are read from every format, completely, in any script, and within limits."""

import base64
import struct
from pathlib import Path

import mutagen
import pytest
import soundfile
from mutagen.asf import ASF, ASFByteArrayAttribute
from mutagen.flac import FLAC, Picture
from mutagen.mp4 import MP4, MP4FreeForm

from components.separate.recording.tags.copied_tags import LONGEST_VALUE, Cover, Tags
from components.separate.recording.tags.file_tags import read_tags
from tests.components.separate.tagged_music import NOT_FROM_FFMPEG, READ, WRITTEN, jpeg, tagged_recording
from tests.support.tiny_models import noise


@pytest.mark.parametrize("suffix", NOT_FROM_FFMPEG)
def test_tags_of_every_format_are_read(tmp_path: Path, suffix: str) -> None:
    tags = read_tags(tagged_recording(tmp_path, suffix, WRITTEN))
    expected = {name: (value,) for name, value in READ.items() if name not in NOT_FROM_FFMPEG[suffix]}
    assert tags.texts == expected | {name: tags.texts[name] for name in tags.texts if name not in expected}
    assert set(tags.texts) - set(expected) <= NOT_FROM_FFMPEG[suffix]


@pytest.mark.parametrize("suffix", ["mp3", "flac", "m4a", "aiff"])
def test_covers_are_read(tmp_path: Path, suffix: str) -> None:
    cover = jpeg()
    assert read_tags(tagged_recording(tmp_path, suffix, {}, cover)).cover == Cover("image/jpeg", cover)


def test_cover_of_an_ogg_is_read(tmp_path: Path) -> None:
    path, picture = tagged_recording(tmp_path, "ogg", {"title": "A"}), Picture()
    picture.type, picture.data = 3, jpeg()
    file = mutagen.File(path)
    file["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
    file.save()
    assert read_tags(path) == Tags({"title": ("A",)}, Cover("image/jpeg", picture.data))


def test_cover_of_a_wma_is_read(tmp_path: Path) -> None:
    path, cover = tagged_recording(tmp_path, "wma", {"title": "A"}), jpeg()
    file = ASF(path)
    head = struct.pack("<BI", 3, len(cover)) + "image/jpeg\0front\0".encode("utf-16-le")
    file["WM/Picture"] = [ASFByteArrayAttribute(head + cover)]
    file.save()
    assert read_tags(path).cover == Cover("image/jpeg", cover)


def test_names_of_itunes_are_read(tmp_path: Path) -> None:
    path = tagged_recording(tmp_path, "m4a", {"title": "A"})
    file = MP4(path)
    file["----:com.apple.iTunes:ISRC"] = [MP4FreeForm(b"USABC1234567")]
    file["tmpo"] = [98]
    file["trkn"] = [(7, 0)]
    file["\xa9ART"] = ["A", "B"]
    file.save()
    expected = {"title": ("A",), "artist": ("A", "B"), "tracknumber": ("7",), "isrc": ("USABC1234567",), "bpm": ("98",)}
    assert read_tags(path).texts == expected


def test_format_follows_from_the_content(tmp_path: Path) -> None:
    path = tagged_recording(tmp_path, "flac", {"title": "A"})
    assert read_tags(path.rename(tmp_path / "a.mp3")).texts == {"title": ("A",)}


def test_values_are_bounded_in_number_and_length(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(1, 10).T, 44100)
    file = FLAC(path)
    file.tags.extend([("title", "x" * 100_000), *(("artist", str(number)) for number in range(100))])
    file.save()
    tags = read_tags(path)
    assert len(tags.texts["title"][0]) == LONGEST_VALUE
    assert tags.texts["artist"] == tuple(str(number) for number in range(32))
    assert tags.left_out == tuple(
        f"a part of the tag {name}, which is longer than the limits" for name in ("title", "artist")
    )


def test_missing_recording_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_tags(tmp_path / "a.mp3")
