"""Audio in: every container, every stream, in blocks of any size; and files that lie about what they are."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.core import ffmpeg
from components.core.audio import SUFFIXES, Audio, probe, read, read_blocks, resample, resample_blocks, to_channels
from components.core.errors import UserError
from core.tiny import noise

RATE = 44100


def _tone(seconds: float, channels: int = 2, rate: int = RATE) -> Audio:
    """A different quiet tone in each channel, so that a swap or a mix of channels shows."""
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
def test_formats_without_loss(tmp_path: Path, name: str, subtype: str, error: float, channels: int) -> None:
    audio = noise(0, 5000, channels)
    path = tmp_path / name
    soundfile.write(path, audio.T, 22050, subtype)
    info = probe(path)
    assert (info.rate, info.channels, info.subtype, info.streams) == (22050, channels, subtype, 1)
    found, rate = read(path)
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
def test_formats_that_ffmpeg_writes(tmp_path: Path, name: str, options: list[str]) -> None:
    assert Path(name).suffix in SUFFIXES
    audio = _tone(1.0)
    path = _by_ffmpeg(audio, tmp_path / name, *options)
    found, rate = read(path)
    info = probe(path)
    assert (info.rate, info.channels) == (rate, 2)
    assert abs(found.shape[1] / rate - 1.0) < 0.1  # some codecs add or keep padding
    for channel, frequency in enumerate((220, 330)):
        middle = found[channel, rate // 4 : rate // 4 + rate // 2]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        assert abs(int(spectrum.argmax()) * rate / len(middle) - frequency) < 5
        assert np.abs(middle).max() == pytest.approx(0.2, abs=0.03)


def test_every_stream_of_a_stem_mp4(tmp_path: Path) -> None:
    path = tmp_path / "song.stem.mp4"
    command = [ffmpeg.find_tool("ffmpeg"), "-v", "error", "-y"]
    for number in range(5):
        source = tmp_path / f"{number}.wav"
        soundfile.write(source, np.full((RATE // 2, 2), 0.1 * number), RATE)
        command += ["-i", str(source)]
    maps = [part for number in range(5) for part in ("-map", f"{number}:a")]
    subprocess.run([*command, *maps, "-c:a", "alac", str(path)], check=True)
    assert probe(path).streams == 5
    for number in range(5):
        found, _ = read(path, number)
        assert found[:, 4000:20000] == pytest.approx(0.1 * number, abs=1e-3)
    with pytest.raises(UserError, match="has 5 audio streams, but stream 5 is asked for"):
        probe(path, 5)


@pytest.mark.parametrize("name", ["a.flac", "a.m4a"])
@pytest.mark.parametrize("frames", [1, 1023, 1 << 20])
def test_blocks_are_the_file_cut_up(tmp_path: Path, name: str, frames: int) -> None:
    path = _by_ffmpeg(_tone(0.1), tmp_path / name)
    whole, _ = read(path)
    blocks = list(read_blocks(path, frames))
    assert all(block.shape[1] == frames for block in blocks[:-1])
    assert np.array_equal(np.concatenate(blocks, axis=1), whole)


def test_integers_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    values = np.array([-(2**23), -1, 0, 1, 2**23 - 1], np.int32) << 8
    soundfile.write(path, values, RATE, "PCM_24")
    assert np.array_equal(np.concatenate(list(read_blocks(path, 2, dtype="int32")), axis=1)[0], values)


def test_no_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((0, 2)), 8000)
    found, rate = read(path)
    assert (found.shape, rate) == ((2, 0), 8000)


def _one_line(path: Path) -> str:
    with pytest.raises(UserError) as error:
        read(path)
    assert str(path) in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


@pytest.mark.parametrize("suffix", [*sorted(SUFFIXES), ".raw", ".txt", ""])
@pytest.mark.parametrize("content", [b"", b"rubbish" * 1000, b"RIFF\xff\xff\xff\x7fWAVEfmt ", b"\x00" * 5000])
def test_what_is_no_audio_is_one_line(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"song{suffix}"
    path.write_bytes(content)
    _one_line(path)


@pytest.mark.parametrize("name", ["a.flac", "a.m4a"])
def test_a_truncated_file_is_one_line(tmp_path: Path, name: str) -> None:
    path = _by_ffmpeg(noise(0, 2 * RATE), tmp_path / name)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    _one_line(path)


def test_a_video_without_sound_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    command = [ffmpeg.find_tool("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "color=s=16x16:d=0.2", str(path)]
    subprocess.run(command, check=True)
    assert "has 0 audio streams" in _one_line(path)


def test_a_folder_or_nothing_is_one_line(tmp_path: Path) -> None:
    assert "is not a file" in _one_line(tmp_path)
    assert "is not a file" in _one_line(tmp_path / "no.wav")


def test_an_ffmpeg_that_is_killed_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _by_ffmpeg(_tone(0.2), tmp_path / "a.m4a")
    fake = tmp_path / "bin" / "ffmpeg"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nhead -c 8000 /dev/zero\nkill -9 $$\n")
    fake.chmod(0o755)
    real = ffmpeg.find_tool("ffprobe")
    monkeypatch.setattr(ffmpeg, "find_tool", lambda name: str(fake) if name == "ffmpeg" else real)
    with pytest.raises(UserError, match="is not readable audio"):
        list(read_blocks(path, 1000))


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
def test_a_playlist_that_calls_itself_a_song_reads_no_other_file(tmp_path: Path, playlist: str, suffix: str) -> None:
    secret = _by_ffmpeg(_tone(0.5), tmp_path / "secret.m4a")
    path = tmp_path / f"song{suffix}"
    path.write_text(playlist.replace("{secret}", str(secret)))
    _one_line(path)


def test_names_that_look_like_options_or_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = _by_ffmpeg(_tone(0.2), tmp_path / "a.m4a")
    for name in ("-i.m4a", "concat:a.m4a", "歌 'quoted' \"twice\", %d.m4a", "http:x.m4a"):
        Path(name).write_bytes(source.read_bytes())
        assert read(Path(name))[0].shape[1] > 8000


@pytest.mark.parametrize(("rate", "new_rate"), [(44100, 48000), (8000, 44100), (96000, 22050), (44100, 44100)])
def test_resampling_keeps_length_pitch_and_place(rate: int, new_rate: int) -> None:
    audio = _tone(0.5, rate=rate)
    found = resample(audio, rate, new_rate)
    assert abs(found.shape[1] - 0.5 * new_rate) <= 1
    expected = _tone(0.5, rate=new_rate)[:, : found.shape[1]]
    inner = slice(new_rate // 20, -new_rate // 20)
    assert np.abs(found[:, : expected.shape[1]] - expected)[:, inner].max() < 1e-4


@pytest.mark.parametrize("samples", [0, 1, 2, 100])
def test_resampling_a_few_samples(samples: int) -> None:
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


def test_channels() -> None:
    stereo = np.array([[1.0, 2.0], [3.0, 6.0]], np.float32)
    assert to_channels(stereo, 2) is stereo
    assert to_channels(stereo, 1).tolist() == [[2.0, 4.0]]
    assert to_channels(stereo[:1], 2).tolist() == [[1.0, 2.0], [1.0, 2.0]]
    assert to_channels(stereo, 3).shape == (3, 2)


def test_a_missing_ffmpeg_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(UserError, match="ffmpeg is not on PATH: `make setup`"):
        ffmpeg.find_tool("ffmpeg")
