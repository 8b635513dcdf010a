"""Damaged or hostile tags do not make a stem fail."""

import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.separate.recording.tags.bounded_file import BoundedFile
from components.separate.recording.tags.file_tags import read_tags, write_tags
from tests.components.separate.tagged_music import (
    NOT_FROM_FFMPEG,
    WRITTEN,
    id3_frame,
    id3_tag,
    tagged_recording,
    written_stem,
)


def _many_frames() -> bytes:
    return id3_tag(3, b"".join(id3_frame(b"TPE1", b"\0%d" % number) for number in range(400_000)))


def _one_text_of_many_values() -> bytes:
    return id3_tag(3, id3_frame(b"TPE1", b"\0" + b"a\0" * 7_000_000))


def _compressed_letters() -> bytes:
    packed = zlib.compress(b"\0" + b"a" * 30_000_000)
    return id3_tag(3, id3_frame(b"TIT2", len(packed).to_bytes(4) + packed, 0x80) + id3_frame(b"TALB", b"\0A"))


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
def test_hostile_tags_do_not_exhaust_the_reader(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(HOSTILE[name]())
    started = time.process_time()
    tags = read_tags(path)
    assert time.process_time() - started < 5
    assert sum(len(value) for values in tags.texts.values() for value in values) < 100_000


def test_only_compressed_frames_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(_compressed_letters())
    assert read_tags(path).texts == {"album": ("A",)}


def test_reader_stops_at_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(100))
    with path.open("rb") as file:
        assert BoundedFile(file, 100).read() == bytes(100)
        file.seek(0)
        with pytest.raises(OSError, match="reading limits"):
            BoundedFile(file, 99).read()
        file.seek(0)
        few = BoundedFile(file, 100, most_reads=2)
        assert few.read(3) + few.read(3) == bytes(6)
        with pytest.raises(OSError, match="reading limits"):
            few.read(3)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small recording of every format."""
    folder = tmp_path_factory.mktemp("seeds")
    for suffix in NOT_FROM_FFMPEG:
        tagged_recording(folder, suffix, WRITTEN)
    return folder


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_never_fail_a_stem(tmp_path: Path, seeds: Path, data: Any) -> None:
    """Bytes are changed, removed or repeated in the first kilobytes, where tags are, or anywhere."""
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
    tags, stem = (
        read_tags(path),
        written_stem(tmp_path, data.draw(st.sampled_from(["wav", "flac", "aiff"])), samples=50),
    )
    write_tags(stem, tags, "vocals")
    assert soundfile.info(stem).frames == 50
