"""The lengths that headers promise: a file that is cut anywhere is found, and random bytes do no harm."""

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.sound.containers.reading import read_container
from components.core.sound.errors import DamagedFile
from components.separate.recording.inspection import Unfit, inspect
from tests.components.separate.hostile_corpus import ENCODED, SAMPLES, Material, id3, patched, with_flac_total
from tests.components.separate.parameters import limits

MAGIC = [b"RIFF", b"RIFX", b"RF64", b"FORM", b"riff", b"caff", b".snd", b"dns.", b"fLaC", b"OggS", b"ID3", b"\xff\xfb"]
MAGIC += [bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), bytes.fromhex("1a45dfa3"), b"\0\0\0\x18ftyp"]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return Material(tmp_path_factory.mktemp("material"))


@pytest.mark.parametrize("name", [name for name in ENCODED if name != "a.mp3"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_file_cut_anywhere_is_unfit(material: Material, tmp_path: Path, name: str, share: float) -> None:
    """A file that only lost bytes without sound, such as an index at the end or padding, may be fit."""
    data = ENCODED[name](material)
    whole, part = tmp_path / "whole", tmp_path / "part"
    whole.write_bytes(data)
    part.write_bytes(data[: int(share * len(data))])
    try:
        digest = inspect(part, limits()).digest
    except Unfit:
        return
    assert digest == inspect(whole, limits()).digest


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(magic=st.sampled_from(MAGIC), content=st.binary(max_size=200))
def test_random_bytes_promise_few_samples_or_are_refused(tmp_path: Path, magic: bytes, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(magic + content)
    promised = 0
    with suppress(DamagedFile):
        promised = read_container(path).least
    assert 0 <= promised < 1 << 43


def test_flac_header_gives_the_length(material: Material, tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    for data, samples in (
        (material.flac, SAMPLES),
        (id3(1000) + material.flac, SAMPLES),
        (with_flac_total(material.flac, 12_345_678_901), 12_345_678_901),
        (with_flac_total(material.flac, 0), SAMPLES),  # the last frame holds the number
        (with_flac_total(material.flac, 100), SAMPLES),
        (patched(material.flac, 4, "B", 1), 0),  # padding comes first, which is not allowed
    ):
        path.write_bytes(data)
        assert read_container(path).least == samples


@pytest.mark.parametrize(
    ("channels", "marker", "samples"),
    [
        (32, b"Xing" + struct.pack(">II", 15, 1000), 990 * 1152),
        (17, b"Info" + struct.pack(">II", 1, 1000), 990 * 1152),
        (17, b"Info" + struct.pack(">II", 14, 1000), 0),  # the flags say that the number is missing
        (32, b"VBRI" + struct.pack(">HHHII", 1, 0, 0, 99, 1000), 990 * 1152),
        (32, b"Xing" + struct.pack(">II", 15, 3), 0),  # too few frames to prove that much is missing
    ],
)
def test_mp3_header_gives_the_number_of_frames(tmp_path: Path, channels: int, marker: bytes, samples: int) -> None:
    path = tmp_path / "a.mp3"
    frame = b"\xff\xfb\x90\x64" + bytes(channels) + marker
    for before in (b"", id3(1 << 20), b"TAG" * 100):
        path.write_bytes(before + frame.ljust(417, b"\0"))
        assert read_container(path).least == samples
    path.write_bytes(frame.replace(b"\xfb", b"\xf3", 1).ljust(417, b"\0"))  # MPEG 2
    assert read_container(path).least == samples // 2


@pytest.mark.parametrize("size", [0, 0x7F000008, 0x7FFFF000, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFF - 36])
def test_placeholder_sizes_promise_nothing(material: Material, tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(patched(material.wav, 40, "<I", size))
    assert read_container(path).least == 0


def test_true_sizes_are_promises(material: Material, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for size in (len(material.wav) - 43, 0x10000000, 0xE0000000):
        path.write_bytes(patched(material.wav, 40, "<I", size))
        with pytest.raises(DamagedFile, match="truncated"):
            read_container(path)
