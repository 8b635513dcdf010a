"""Decoding of every container and stream, in blocks of any size, and of files with wrong names or headers."""

import io
import os
import pickle
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.sound import ffmpeg
from components.core.sound.audio_file_recognition import SUFFIXES
from components.core.sound.containers.byte_file import find_audio_start
from components.core.sound.decoding import Audio, describe_recording, read_audio
from components.core.sound.errors import DecodingError
from components.core.sound.resampling import convert_channels, resample, resample_blocks
from tests.support.tiny_models import noise

RATE = 44100


def _tone(seconds: float, channels: int = 2, rate: int = RATE) -> Audio:
    """Return a different quiet tone in each channel, so that swapped or mixed channels are noticed."""
    times = np.arange(round(seconds * rate)) / rate
    tones = [0.2 * np.sin(2 * np.pi * frequency * times) for frequency in (220, 330, 550)[:channels]]
    return np.stack(tones).astype(np.float32)


def _by_ffmpeg(audio: Audio, path: Path, *options: str, rate: int = RATE) -> Path:
    source = path.with_name("source.wav")
    soundfile.write(source, audio.T, rate, "FLOAT")
    command = [ffmpeg.find_tool("ffmpeg"), "-v", "error", "-y", "-i", str(source), *options, str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize(
    ("name", "subtype", "error"),
    [
        ("a.wav", "PCM_U8", 2**-7),
        ("a.wav", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "PCM_32", 2**-23),
        ("a.wav", "FLOAT", 0.0),
        ("a.wav", "DOUBLE", 0.0),
        ("a.flac", "PCM_S8", 2**-7),
        ("a.flac", "PCM_16", 2**-15),
        ("a.flac", "PCM_24", 2**-23),
        ("a.aiff", "PCM_16", 2**-15),
        ("a.aiff", "PCM_24", 2**-23),
        ("a.caf", "PCM_16", 2**-15),
        ("a.w64", "PCM_24", 2**-23),
        ("a.au", "FLOAT", 0.0),
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_lossless_formats_are_read_exactly(
    tmp_path: Path, name: str, subtype: str, error: float, channels: int
) -> None:
    audio = noise(0, 5000, channels)
    path = tmp_path / name
    soundfile.write(path, audio.T, 22050, subtype)
    info = describe_recording(path).info
    assert (info.rate, info.channels, info.subtype, info.streams) == (22050, channels, subtype, 1)
    found, rate = read_audio(path)
    assert rate == 22050
    assert found.dtype == np.float32
    assert found.shape == audio.shape
    assert np.abs(found - audio).max() <= error


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp3", ["-c:a", "libmp3lame", "-q:a", "2"]),
        ("a.ogg", ["-c:a", "libvorbis", "-q:a", "6"]),
        ("a.opus", ["-c:a", "libopus", "-b:a", "192k", "-ar", "48000"]),
        ("a.m4a", ["-c:a", "aac", "-b:a", "256k"]),
        ("alac.m4a", ["-c:a", "alac"]),
        ("a.mp4", ["-c:a", "aac", "-b:a", "256k"]),
        ("a.aac", ["-c:a", "aac", "-b:a", "256k"]),
        ("a.wma", ["-c:a", "wmav2", "-b:a", "192k"]),
        ("a.mka", ["-c:a", "flac"]),
        ("a.webm", ["-c:a", "libopus", "-b:a", "192k", "-ar", "48000"]),
    ],
)
def test_formats_of_ffmpeg_are_read(tmp_path: Path, name: str, options: list[str]) -> None:
    assert Path(name).suffix in SUFFIXES
    audio = _tone(1.0)
    path = _by_ffmpeg(audio, tmp_path / name, *options)
    found, rate = read_audio(path)
    info = describe_recording(path).info
    assert (info.rate, info.channels) == (rate, 2)
    assert abs(found.shape[1] / rate - 1.0) < 0.1  # some codecs add or keep padding
    for channel, frequency in enumerate((220, 330)):
        middle = found[channel, rate // 4 : rate // 4 + rate // 2]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        assert abs(int(spectrum.argmax()) * rate / len(middle) - frequency) < 5
        assert np.abs(middle).max() == pytest.approx(0.2, abs=0.03)


def test_every_stream_of_a_stem_mp4_is_read(tmp_path: Path) -> None:
    path = tmp_path / "song.stem.mp4"
    command = [ffmpeg.find_tool("ffmpeg"), "-v", "error", "-y"]
    for number in range(5):
        source = tmp_path / f"{number}.wav"
        soundfile.write(source, np.full((RATE // 2, 2), 0.1 * number), RATE)
        command += ["-i", str(source)]
    maps = [part for number in range(5) for part in ("-map", f"{number}:a")]
    subprocess.run([*command, *maps, "-c:a", "alac", str(path)], check=True)
    assert describe_recording(path).info.streams == 5
    for number in range(5):
        found, _ = read_audio(path, number)
        assert found[:, 4000:20000] == pytest.approx(0.1 * number, abs=1e-3)
    with pytest.raises(UserError, match="has 5 audio streams, and no stream 5"):
        describe_recording(path, 5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.flac", "a.m4a", "a.mp3", "a.ogg"])
@pytest.mark.parametrize("frames", [100, 1023, 65_536, 1 << 20])
def test_blocks_join_to_the_file(tmp_path: Path, name: str, frames: int) -> None:
    """Frames of an mp3 hold bits of later frames, so a decoder that seeks between blocks returns other samples."""
    path = _by_ffmpeg(np.concatenate([noise(0, 2 * RATE, level=0.5), _tone(2.0)], axis=1), tmp_path / name)
    whole, _ = read_audio(path)
    blocks = list(describe_recording(path).read_blocks(frames))
    assert all(block.shape[1] == frames for block in blocks[:-1])
    assert np.array_equal(np.concatenate(blocks, axis=1), whole)


def test_integers_are_read_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    values = np.array([-(2**23), -1, 0, 1, 2**23 - 1], np.int32) << 8
    soundfile.write(path, values, RATE, "PCM_24")
    assert np.array_equal(
        np.concatenate(list(describe_recording(path).read_blocks(2, dtype="int32")), axis=1)[0], values
    )


def test_compressed_file_is_named_by_its_codec(tmp_path: Path) -> None:
    assert describe_recording(_by_ffmpeg(_tone(0.1), tmp_path / "a.mp3")).info.subtype == "mp3"
    assert (
        describe_recording(_by_ffmpeg(_tone(0.1), tmp_path / "a.mka", "-c:a", "pcm_u8")).info.subtype == "pcm_u8"
    )  # floats here
    assert describe_recording(_by_ffmpeg(_tone(0.1), tmp_path / "a.mka", "-c:a", "pcm_f32le")).info.subtype == "FLOAT"


def test_mp3_without_a_header_is_read_to_its_end(tmp_path: Path) -> None:
    """libsndfile guesses its length far too short here, since the first half has most of the bits."""
    audio = np.concatenate([noise(0, 2 * RATE, level=0.5), _tone(2.0)], axis=1)
    path = _by_ffmpeg(audio, tmp_path / "a.mp3", "-q:a", "4", "-write_xing", "0", "-id3v2_version", "0")
    found, _ = read_audio(path)
    assert found.shape[1] >= audio.shape[1]
    assert np.abs(found[:, -RATE:]).max() > 0.15


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3"])
def test_file_of_several_songs_is_read_to_its_end(tmp_path: Path, name: str) -> None:
    quiet = _by_ffmpeg(np.float32(0.1) * _tone(1.0), tmp_path / f"quiet {name}", "-ar", "48000").read_bytes()
    loud = _by_ffmpeg(_tone(1.0), tmp_path / f"loud {name}", "-ar", "48000").read_bytes()
    path = tmp_path / name
    path.write_bytes(quiet + loud)
    found, rate = read_audio(path)
    assert found.shape[1] == pytest.approx(2 * rate, rel=0.03)  # delay and padding
    assert np.abs(found[:, rate // 4 : rate // 2]).max() == pytest.approx(0.02, abs=0.01)
    assert np.abs(found[:, -rate // 2 : -rate // 4]).max() == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(("container", "dtype"), [("wav", "int32"), ("flac", "int32"), ("au", "int32")])
def test_file_from_a_pipe_is_read_to_its_end(tmp_path: Path, container: str, dtype: str) -> None:
    source = tmp_path / "source.wav"
    soundfile.write(source, noise(0, 70_000).T, RATE, "PCM_16")
    command = [ffmpeg.find_tool("ffmpeg"), "-v", "error", "-i", str(source), "-f", container, "-"]
    path = tmp_path / f"a.{container}"
    path.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    expected = soundfile.read(source, dtype="int32")[0].T
    assert np.array_equal(
        np.concatenate(list(describe_recording(path).read_blocks(65_536, dtype=dtype)), axis=1), expected
    )


def test_wav_with_a_length_of_0_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(0, 1000).T, RATE, "PCM_16")
    expected, _ = read_audio(path)
    data = path.read_bytes()
    path.write_bytes(data[:40] + bytes(4) + data[44:])
    assert np.array_equal(read_audio(path)[0], expected)


@pytest.mark.parametrize("tags", [0, 1, 3, 1000])
def test_audio_begins_after_the_tags(tags: int) -> None:
    tag = b"ID3\x03\0\0" + bytes((0, 0, 1, 2)) + bytes(130)
    place = find_audio_start(io.BytesIO(tag * tags + b"fLaC"))
    assert place == 140 * min(tags, 8)  # a file that has only tags is read at once
    assert find_audio_start(io.BytesIO(b"ID3\x03\0\0\x7f")) == 0


def test_file_without_samples_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((0, 2)), 8000)
    found, rate = read_audio(path)
    assert (found.shape, rate) == ((2, 0), 8000)


def _one_line(path: Path) -> str:
    with pytest.raises(UserError) as error:
        read_audio(path)
    assert str(path) in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


@pytest.mark.parametrize("suffix", [*sorted(SUFFIXES), ".raw", ".txt", ""])
@pytest.mark.parametrize("content", [b"", b"rubbish" * 1000, b"RIFF\xff\xff\xff\x7fWAVEfmt ", b"\x00" * 5000])
def test_file_without_audio_is_a_user_error(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"song{suffix}"
    path.write_bytes(content)
    _one_line(path)


@pytest.mark.parametrize("name", ["a.flac", "a.m4a"])
def test_truncated_file_is_a_user_error(tmp_path: Path, name: str) -> None:
    path = _by_ffmpeg(noise(0, 2 * RATE), tmp_path / name)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    _one_line(path)


def test_video_without_sound_is_a_user_error(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    command = [ffmpeg.find_tool("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "color=s=16x16:d=0.2", str(path)]
    subprocess.run(command, check=True)
    assert "has 0 audio streams" in _one_line(path)


def test_folder_or_missing_file_is_a_user_error(tmp_path: Path) -> None:
    assert "is not a file" in _one_line(tmp_path)
    assert "is not a file" in _one_line(tmp_path / "no.wav")


def test_killed_ffmpeg_raises_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _by_ffmpeg(_tone(0.2), tmp_path / "a.m4a")
    fake = tmp_path / "bin" / "ffmpeg"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nhead -c 8000 /dev/zero\nkill -9 $$\n")
    fake.chmod(0o755)
    real = ffmpeg.find_tool("ffprobe")
    monkeypatch.setattr(ffmpeg, "find_tool", lambda name: str(fake) if name == "ffmpeg" else real)
    with pytest.raises(UserError, match="the decoder was killed"):
        list(describe_recording(path).read_blocks(1000))


def test_reason_is_the_same_every_time(tmp_path: Path) -> None:
    """ffmpeg's message has a memory address and the name of the file, which may have several lines."""
    path = tmp_path / "two\nlines.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + b"rubbish" * 100)
    reasons = set()
    for _ in range(3):
        with pytest.raises(DecodingError) as error:
            read_audio(path)
        reasons.add(error.value.reason)
    assert len(reasons) == 1
    assert "0x" not in (reason := reasons.pop())
    assert "lines" not in reason


def test_decoding_error_survives_pickling(tmp_path: Path) -> None:
    error = pickle.loads(pickle.dumps(DecodingError(tmp_path / "a.wav", "it is empty")))
    assert str(error) == f"{tmp_path / 'a.wav'} is not readable audio: it is empty"
    assert error.reason == "it is empty"


def test_system_error_is_not_a_decoding_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(0, 1000).T, RATE)

    def fails(*_: object, **__: object) -> None:
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr(soundfile.SoundFile, "read", fails)
    with pytest.raises(OSError, match=r"a\.wav"):
        read_audio(path)
    monkeypatch.setattr(soundfile.SoundFile, "__init__", fails)
    with pytest.raises(OSError, match=r"a\.wav"):
        describe_recording(path)


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile secret.m4a\n",
        "ffconcat version 1.0\nfile '{secret}'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.m4a\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" '
        'bandwidth="1"><BaseURL>secret.m4a</BaseURL></Representation></AdaptationSet></Period></MPD>',
    ],
)
@pytest.mark.parametrize("suffix", [".m4a", ".mp4", ".wav", ".mka"])
def test_playlist_named_as_a_song_reads_no_other_file(tmp_path: Path, playlist: str, suffix: str) -> None:
    secret = _by_ffmpeg(_tone(0.5), tmp_path / "secret.m4a")
    path = tmp_path / f"song{suffix}"
    path.write_text(playlist.replace("{secret}", str(secret)))
    _one_line(path)


def test_names_like_options_or_addresses_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = _by_ffmpeg(_tone(0.2), tmp_path / "a.m4a")
    latin = os.fsdecode(b"\xe9t\xe9.m4a")
    for name in ("-i.m4a", "concat:a.m4a", "歌 'quoted' \"twice\", %d.m4a", "http:x.m4a", "two\nlines.m4a", latin):
        Path(name).write_bytes(source.read_bytes())
        assert read_audio(Path(name))[0].shape[1] > 8000


@pytest.mark.parametrize(("rate", "new_rate"), [(44100, 48000), (8000, 44100), (96000, 22050), (44100, 44100)])
def test_resampling_keeps_length_pitch_and_position(rate: int, new_rate: int) -> None:
    audio = _tone(0.5, rate=rate)
    found = resample(audio, rate, new_rate)
    assert abs(found.shape[1] - 0.5 * new_rate) <= 1
    expected = _tone(0.5, rate=new_rate)[:, : found.shape[1]]
    inner = slice(new_rate // 20, -new_rate // 20)
    assert np.abs(found[:, : expected.shape[1]] - expected)[:, inner].max() < 1e-4


@pytest.mark.parametrize("samples", [0, 1, 2, 100])
def test_resampling_accepts_a_few_samples(samples: int) -> None:
    assert abs(resample(noise(0, samples), 44100, 8000).shape[1] - samples * 8000 / 44100) <= 1


def _cut(audio: NDArray[np.float32], sizes: list[int]) -> Iterator[Audio]:
    place = 0
    for size in sizes:
        yield audio[:, place : place + size]
        place += size
    yield audio[:, place:]


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 3000), max_size=8),
    samples=st.integers(0, 9000),
    rates=st.sampled_from([(44100, 48000), (48000, 44100), (8000, 44100), (96000, 44100), (44100, 22050)]),
)
def test_resampling_does_not_depend_on_the_blocks(sizes: list[int], samples: int, rates: tuple[int, int]) -> None:
    audio = noise(samples, samples)
    whole = resample(audio, *rates)
    parts = np.concatenate(list(resample_blocks(_cut(audio, sizes), *rates)), axis=1)
    assert np.array_equal(parts, whole)


def test_channels_are_mixed_down_or_repeated() -> None:
    stereo = np.array([[1.0, 2.0], [3.0, 6.0]], np.float32)
    assert convert_channels(stereo, 2) is stereo
    assert convert_channels(stereo, 1).tolist() == [[2.0, 4.0]]
    assert convert_channels(stereo[:1], 2).tolist() == [[1.0, 2.0], [1.0, 2.0]]
    assert convert_channels(stereo, 3).shape == (3, 2)


def test_missing_ffmpeg_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(UserError, match="ffmpeg is not on PATH: `make setup`"):
        ffmpeg.find_tool("ffmpeg")
