"""Stems of every format carry the tags of the recording, and their samples stay unchanged."""

import resource
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mutagen.flac import FLAC

from components.core.sound import ffmpeg
from components.separate.recording.tags.copied_tags import Cover, Tags
from components.separate.recording.tags.fields import FIELDS
from components.separate.recording.tags.file_tags import read_tags, write_tags
from tests.components.separate.tagged_music import FULL, STEMS, ffmpeg_tags, jpeg, written_stem
from tests.support.tiny_models import noise


@pytest.mark.parametrize("name", [name for name in STEMS if name != "caf"])
def test_stems_carry_the_tags_of_the_recording_and_their_name(tmp_path: Path, name: str) -> None:
    stem, cover = written_stem(tmp_path, name), Cover("image/jpeg", jpeg())
    write_tags(stem, Tags({**FULL.texts, "artist": ("歌手 🎵", "B; C/D")}, cover), "vocals")
    expected = {**FULL.texts, "title": ("Été à Łódź (vocals)",), "artist": ("歌手 🎵", "B; C/D")}
    assert read_tags(stem) == Tags(expected, cover)
    shown = ffmpeg_tags(stem)
    assert (shown["title"], shown["album"]) == ("Été à Łódź (vocals)", "אלבום")
    assert "歌手 🎵" in shown["artist"]


def test_caf_has_a_text_for_each_tag(tmp_path: Path) -> None:
    stem = written_stem(tmp_path, "caf", samples=1001)
    write_tags(stem, Tags({**FULL.texts, "artist": ("歌手 🎵", "B")}), "vocals")
    assert read_tags(stem).texts == {
        **FULL.texts,
        "title": ("Été à Łódź (vocals)",),
        "artist": ("歌手 🎵; B",),
    }


def test_flac_has_separate_number_and_total(tmp_path: Path) -> None:
    stem = written_stem(tmp_path, "flac")
    write_tags(stem, FULL, "drums")
    file = FLAC(stem)
    assert (file["tracknumber"], file["tracktotal"], file["disctotal"]) == (["3"], ["12"], ["2"])


@pytest.mark.parametrize("name", STEMS)
def test_stem_without_tags_stays_unchanged(tmp_path: Path, name: str) -> None:
    stem, source = written_stem(tmp_path, name), tmp_path / "source.wav"
    soundfile.write(source, noise(1, 100).T, 44100)
    before = stem.read_bytes()
    write_tags(stem, read_tags(source), "vocals")
    assert stem.read_bytes() == before


def test_recording_without_a_title_gives_the_stem_its_name(tmp_path: Path) -> None:
    stem = written_stem(tmp_path, "flac")
    write_tags(stem, Tags({"artist": ("A",)}), "vocals")
    assert read_tags(stem).texts == {"title": ("vocals",), "artist": ("A",)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(STEMS)),
    samples=st.integers(1, 3000),
    channels=st.integers(1, 3),
    title=st.text(min_size=1, max_size=50),
    cover=st.booleans(),
)
def test_tagging_keeps_the_samples_and_any_text(
    tmp_path: Path, name: str, samples: int, channels: int, title: str, cover: bool
) -> None:
    stem = written_stem(tmp_path, name, samples, channels)
    dtype = STEMS[name].encoding.dtype
    before = soundfile.read(stem, dtype=dtype, always_2d=True)
    source = Tags({"title": (title,)}, Cover("image/jpeg", jpeg()) if cover else None)
    write_tags(stem, source, "a")
    after = soundfile.read(stem, dtype=dtype, always_2d=True)
    assert after[1] == before[1]
    assert np.array_equal(after[0], before[0])
    with ffmpeg.decode_stream(stem, ffmpeg.Decoding(0)) as pipe:
        decoded = np.frombuffer(b"".join(iter(lambda: pipe.read(1 << 16), b"")), "<f4").reshape(-1, channels)
    assert np.array_equal(decoded, soundfile.read(stem, dtype="float32", always_2d=True)[0])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["flac", "wav", "aiff", "rf64.wav", "caf"]),
    values=st.lists(st.text(max_size=80), max_size=40),
    field=st.sampled_from([field.name for field in FIELDS]),
)
@example(name="caf", values=["3/12", "4"], field="tracknumber")
@example(name="flac", values=["/"], field="tracknumber")
@example(name="flac", values=["/12", "3/", "4"], field="discnumber")
@example(name="flac", values=["3 / 12"], field="tracknumber")
def test_any_tag_of_a_recording_can_be_written_to_every_stem(
    tmp_path: Path, name: str, values: list[str], field: str
) -> None:
    """The recording is a FLAC, which holds any text; ID3 refuses dates and numbers that are invalid."""
    source = tmp_path / "source.flac"
    soundfile.write(source, noise(1, 10).T, 44100)
    file = FLAC(source)
    file.tags.extend((field.upper(), value) for value in values)
    file.save()
    tags, stem = read_tags(source), written_stem(tmp_path, name, samples=10)
    write_tags(stem, tags, "a")
    written = read_tags(stem)
    if name == "flac" and tags:
        assert written == tags.of_stem("a")
    assert read_tags(stem) == written


@pytest.mark.slow
def test_same_tags_give_the_same_bytes(tmp_path: Path) -> None:
    found: list[list[bytes]] = []
    for _ in range(2):
        stems = [written_stem(tmp_path, name) for name in STEMS]
        for stem in stems:
            write_tags(stem, Tags(FULL.texts, Cover("image/jpeg", jpeg())), "vocals")
        found.append([stem.read_bytes() for stem in stems])
        time.sleep(1.1)
    assert found[0] == found[1]


def test_full_disk_is_an_oserror(tmp_path: Path) -> None:
    stem, limit = written_stem(tmp_path, "wav"), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (stem.stat().st_size + 20, limit[1]))
    try:
        with pytest.raises(OSError):  # the error of mutagen or of the system
            write_tags(stem, FULL, "vocals")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
