"""Stems as files: the format holds every recording completely, and the bytes do not depend on the time."""

import resource
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.sound import decoding, ffmpeg
from components.core.sound.decoders.decoder import AudioInfo
from components.separate.recording.quantisation import Samples, add_up, encoding_for
from components.separate.recording.stem_files import FORMATS, OutputFormat, StemWriter, choose_output_format
from tests.support.tiny_models import noise, run_python

GIGABYTE = 1 << 30
SUBTYPES = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "vorbis", "ULAW")
DECODED = ("mp3", "vorbis", "opus", "aac", "wmav2", "alac", "pcm_s16le", "ULAW")


def _choose(
    subtype: str, format: str, peak: float = 0.9, rate: int = 44100, channels: int = 2, samples: int = 1000
) -> OutputFormat:
    return choose_output_format(AudioInfo(rate, channels, subtype), peak, samples, format)


def _samples(output: OutputFormat, samples: int, channels: int, seed: int = 0) -> Samples:
    """Return noise that uses all bits of the output."""
    if output.encoding.bits:
        drawn = np.random.default_rng(seed).integers(-(2**31), 2**31, (channels, samples))
        return (drawn >> (32 - output.encoding.bits) << (32 - output.encoding.bits)).astype(np.int32)
    return noise(seed, samples, channels, 3.0).astype(np.float64)


def _write(path: Path, output: OutputFormat, samples: Samples, rate: int = 44100) -> Path:
    with StemWriter(path.with_suffix(output.suffix), output, rate, samples.shape[0]) as writer:
        for first in range(0, samples.shape[1], 1000):
            writer.write(samples[:, first : first + 1000])
    return path.with_suffix(output.suffix)


def _read(path: Path, output: OutputFormat) -> NDArray[Any]:
    samples: NDArray[Any] = soundfile.read(path, dtype=output.encoding.dtype, always_2d=True)[0]
    return samples.T


@pytest.mark.parametrize(
    ("subtype", "format", "container", "written"),
    [
        ("PCM_U8", "wav", "WAV", "PCM_16"),
        ("PCM_16", "wav", "WAV", "PCM_16"),
        ("PCM_24", "wav", "WAV", "PCM_24"),
        ("PCM_32", "wav", "WAV", "PCM_32"),
        ("FLOAT", "wav", "WAV", "FLOAT"),
        ("DOUBLE", "wav", "WAV", "DOUBLE"),
        ("vorbis", "wav", "WAV", "FLOAT"),
        ("PCM_S8", "flac", "FLAC", "PCM_16"),
        ("PCM_16", "flac", "FLAC", "PCM_16"),
        ("PCM_24", "flac", "FLAC", "PCM_24"),
        ("PCM_16", "aiff", "AIFF", "PCM_16"),
        ("DOUBLE", "aiff", "AIFF", "DOUBLE"),
        ("PCM_32", "caf", "CAF", "PCM_32"),
        ("FLOAT", "caf", "CAF", "FLOAT"),
    ],
)
def test_stems_keep_the_bits_of_the_recording(subtype: str, format: str, container: str, written: str) -> None:
    output = _choose(subtype, format)
    assert (output.container, output.encoding.subtype, output.reason) == (container, written, "")
    assert output.suffix == f".{format}"


@pytest.mark.parametrize("subtype", DECODED)
def test_compressed_recordings_become_24_bit_flac_unless_too_loud(subtype: str) -> None:
    assert _choose(subtype, "flac", peak=1.0) == OutputFormat(".flac", "FLAC", encoding_for("PCM_24"))
    loud = _choose(subtype, "flac", peak=1.25)
    assert (loud.suffix, loud.container, loud.encoding.subtype) == (".wav", "WAV", "FLOAT")
    assert loud.reason == "flac holds no peaks above full scale, and its highest is 1.25"


@pytest.mark.parametrize(
    ("wanted", "written", "reason"),
    [
        ({"subtype": "PCM_32"}, "PCM_32", "flac holds no samples of more than 24 bits"),
        ({"subtype": "FLOAT"}, "FLOAT", "flac holds no floating-point samples"),
        ({"subtype": "DOUBLE"}, "DOUBLE", "flac holds no floating-point samples"),
        ({"subtype": "wavpack"}, "FLOAT", "flac holds no floating-point samples"),
        ({"subtype": "PCM_16", "channels": 9}, "PCM_16", "flac holds no more than 8 channels"),
        ({"subtype": "PCM_24", "rate": 768_000}, "PCM_24", "flac frames hold no rate of 768000 Hz"),
        ({"subtype": "PCM_24", "rate": 96_001}, "PCM_24", "flac frames hold no rate of 96001 Hz"),
        ({"subtype": "vorbis", "samples": 0}, "FLOAT", "flac files hold at least one sample"),
    ],
)
def test_stems_that_flac_cannot_hold_become_wav_with_a_reason(
    wanted: dict[str, Any], written: str, reason: str
) -> None:
    assert _choose(format="flac", **wanted) == OutputFormat(".wav", "WAV", encoding_for(written), reason)


@pytest.mark.parametrize(
    ("format", "gigabytes", "container", "reason"),
    [
        ("wav", 3.9, "WAV", ""),
        ("wav", 4.0, "RF64", "wav holds no more than 4 GB, RF64 does"),
        ("aiff", 1.9, "AIFF", ""),
        ("aiff", 2.1, "WAV", "aiff holds no more than 2 GB"),
        ("aiff", 5.0, "RF64", "aiff holds no more than 2 GB; wav holds no more than 4 GB, RF64 does"),
        ("caf", 9.0, "CAF", ""),
        ("flac", 9.0, "FLAC", ""),
    ],
)
def test_long_recordings_get_a_container_of_their_size(
    format: str, gigabytes: float, container: str, reason: str
) -> None:
    output = _choose("PCM_24", format, samples=round(gigabytes * GIGABYTE / 6))
    assert (output.container, output.reason) == (container, reason)


def test_size_counts_all_channels_and_written_samples() -> None:
    samples = round(0.6 * GIGABYTE)
    assert _choose("FLOAT", "wav", channels=1, samples=samples).container == "WAV"
    assert _choose("FLOAT", "wav", channels=2, samples=samples).container == "RF64"
    assert _choose("DOUBLE", "wav", channels=1, samples=samples).container == "RF64"
    assert _choose("PCM_U8", "wav", channels=4, samples=samples).container == "RF64"


def test_unknown_format_is_a_user_error() -> None:
    with pytest.raises(UserError, match=r"^there is no format 'mp3' for stems: take one of wav, flac, aiff, caf$"):
        _choose("PCM_16", "mp3")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subtype=st.sampled_from(SUBTYPES),
    format=st.sampled_from(sorted(FORMATS)),
    rate=st.one_of(st.integers(1, 768_000), st.sampled_from([8000, 44100, 48000, 65535, 65536, 96000, 655350])),
    channels=st.integers(1, 12),
    samples=st.integers(0, 5000),
    peak=st.sampled_from([0.5, 1.0, 1.5]),
)
@example(subtype="PCM_24", format="aiff", rate=44100, channels=1, samples=1001, peak=0.5)  # an odd number of bytes
@example(subtype="FLOAT", format="aiff", rate=44100, channels=1, samples=1, peak=0.5)  # shorter than a PEAK chunk
def test_chosen_format_holds_the_stems(
    tmp_path: Path, subtype: str, format: str, rate: int, channels: int, samples: int, peak: float
) -> None:
    output = _choose(subtype, format, peak, rate, channels, samples)
    stem = _samples(output, samples, channels, seed=samples)
    path = _write(tmp_path / "stem", output, stem, rate)
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.frames) == (rate, channels, samples)
    assert (info.format, info.subtype) == (output.container, output.encoding.subtype)
    assert np.array_equal(_read(path, output), stem)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        *product(("WAV", "RF64", "FLAC", "AIFF", "CAF"), ("PCM_16", "PCM_24")),
        *product(("WAV", "RF64", "AIFF", "CAF"), ("FLOAT",)),
    ],
)
def test_ffmpeg_reads_the_same_samples(tmp_path: Path, container: str, subtype: str) -> None:
    output = OutputFormat(".wav", container, encoding_for(subtype))
    stem = _samples(output, 4001, 1)
    path = _write(tmp_path / "stem", output, stem)
    with ffmpeg.decode_stream(path, ffmpeg.Decoding(0)) as pipe:
        decoded = np.frombuffer(b"".join(iter(lambda: pipe.read(1 << 16), b"")), "<f4")
    expected = stem / 2.0**31 if output.encoding.bits else stem
    assert np.array_equal(decoded, expected[0].astype(np.float32))


def test_rf64_has_its_name_and_can_be_read(tmp_path: Path) -> None:
    output = _choose("PCM_24", "wav", samples=GIGABYTE)
    stem = _samples(output, 5000, 2)
    path = _write(tmp_path / "stem", output, stem)
    assert path.read_bytes()[:16] == b"RF64\xff\xff\xff\xffWAVEds64"
    assert decoding.describe_recording(path).info == AudioInfo(44100, 2, "PCM_24")
    assert np.array_equal(
        np.concatenate(list(decoding.describe_recording(path).read_blocks(999, dtype="int32")), axis=1), stem
    )


@pytest.mark.slow
def test_stem_bytes_do_not_depend_on_the_time(tmp_path: Path) -> None:
    """By default libsndfile writes the time into files of floats."""
    outputs = [_choose(subtype, format) for subtype in SUBTYPES for format in FORMATS]
    outputs += [OutputFormat(".wav", "RF64", encoding_for(subtype)) for subtype in ("PCM_24", "FLOAT", "DOUBLE")]
    found = []
    for _ in range(2):
        found.append([_write(tmp_path / "stem", output, _samples(output, 3000, 2)).read_bytes() for output in outputs])
        time.sleep(1.1)
    assert found[0] == found[1]
    assert not any(b"PEAK" in data for data in found[0])


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 99), level=st.sampled_from([0.0, 0.01, 0.7, 1.0]), channels=st.integers(1, 2))
def test_flac_stems_of_a_lossy_recording_add_up_within_a_step(
    tmp_path: Path, seed: int, level: float, channels: int
) -> None:
    source = tmp_path / "a.ogg"
    soundfile.write(source, noise(seed, 4000, channels, level).T, 44100)
    info = decoding.describe_recording(source).info
    dtype = encoding_for(info.subtype).dtype
    recording = np.concatenate(list(decoding.describe_recording(source).read_blocks(1 << 16, dtype=dtype)), axis=1)
    output = choose_output_format(info, float(np.abs(recording).max()), recording.shape[1], "flac")
    estimates = np.stack([noise(seed + number, recording.shape[1], channels, 0.9) for number in (1, 2, 3)])
    stems = add_up(output.encoding, recording, estimates)
    paths = [_write(tmp_path / f"{number}", output, stem) for number, stem in enumerate(stems)]
    total = np.sum([_read(path, output).astype(np.float64) for path in paths], axis=0)
    if output.encoding.bits:
        assert np.abs(total / 2.0**31 - recording).max() <= 2.0**-23
    else:
        assert output.reason
        assert np.abs(total - recording).max() <= 2.0**-23


@pytest.mark.parametrize("container", ["WAV", "FLAC", "RF64", "AIFF", "CAF"])
def test_full_disk_is_an_oserror_with_the_file(tmp_path: Path, container: str) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    output = OutputFormat(".stem", container, encoding_for("PCM_24"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        with pytest.raises(OSError, match=r"stem.* cannot be written \(.*\): is the disk full\?"):
            _write(tmp_path / "a", output, _samples(output, 100_000, 2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


@pytest.mark.slow
def test_file_over_4_gigabytes_is_read_to_its_end(tmp_path: Path) -> None:
    """A separate process writes silence with sound in the last samples."""
    script = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from components.core.sound.decoding import AudioInfo\n"
        "from components.separate.recording.stem_files import StemWriter, choose_output_format\n"
        "samples = 36_000_000\n"
        "output = choose_output_format(AudioInfo(48000, 32, 'PCM_32'), 1.0, samples, 'wav')\n"
        "block = np.zeros((32, 1_000_000), np.int32)\n"
        "with StemWriter(Path(sys.argv[1]), output, 48000, 32) as writer:\n"
        "    for _ in range(36): writer.write(block)\n"
        "    writer.write(block[:, :7] + 99)\n"
    )
    path = tmp_path / "a.wav"
    result = run_python("-c", script, str(path))
    assert result.returncode == 0, result.stderr
    try:
        with soundfile.SoundFile(path) as file:
            assert (file.format, file.frames) == ("RF64", 36_000_007)
            file.seek(36_000_000)
            assert (file.read(dtype="int32") == 99).all()
    finally:
        path.unlink()
