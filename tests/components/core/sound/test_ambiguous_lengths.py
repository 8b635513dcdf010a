"""Files whose right length or start is a decision: late audio, several streams, DSD, HE-AAC."""

import struct
from pathlib import Path

import numpy as np
import soundfile

from components.core.sound.decoding import describe_recording, read_audio
from tests.support.encoders import run_ffmpeg, run_tool
from tests.support.tiny_models import noise

RATE, SAMPLES = 44100, 30_011


def _wav(path: Path, seed: int = 0) -> Path:
    soundfile.write(path, noise(seed, SAMPLES).T, RATE, "PCM_16")
    return path


def test_audio_that_begins_after_the_picture_begins_with_its_own_first_sample(tmp_path: Path) -> None:
    source, path = _wav(tmp_path / "source.wav"), tmp_path / "film.mov"
    video = ("-f", "lavfi", "-i", "color=s=16x16:d=2")
    late = ("-itsoffset", "0.5", "-i", source)
    run_ffmpeg(*video, *late, "-c:v", "mpeg4", "-c:a", "pcm_s16le", path)
    assert np.array_equal(read_audio(path)[0], soundfile.read(source, dtype="float32")[0].T)


def test_the_first_of_several_streams_is_the_recording(tmp_path: Path) -> None:
    first, second, path = _wav(tmp_path / "1.wav"), _wav(tmp_path / "2.wav", 1), tmp_path / "a.mka"
    run_ffmpeg("-i", first, "-i", second, "-map", "0:a", "-map", "1:a", "-c:a", "flac", path)
    assert describe_recording(path).info.streams == 2
    for stream, source in enumerate((first, second)):
        assert np.array_equal(read_audio(path, stream)[0], soundfile.read(source, dtype="float32")[0].T)


def test_dsd_becomes_an_eighth_of_its_samples(tmp_path: Path) -> None:
    path, rate, samples = tmp_path / "a.dsf", 2_822_400, 4096 * 8 * 3
    data = np.random.default_rng(0).bytes(2 * samples // 8)
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 2, 2, rate, 1, samples, 4096, 0)
    body = form + struct.pack("<4sQ", b"data", 12 + len(data)) + data
    path.write_bytes(struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(body), 0) + body)
    assert describe_recording(path).promised == samples // 8
    found, found_rate = read_audio(path)
    assert (found_rate, found.shape) == (rate // 8, (2, samples // 8))


def test_he_aac_has_the_rate_and_length_of_its_source(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    run_tool("fdkaac", "-S", "-p", "5", "-b", "64000", "-G", "0", _wav(tmp_path / "source.wav"), "-o", path)
    found, rate = read_audio(path)
    assert (rate, found.shape) == (RATE, (2, SAMPLES))
