"""Files of the field's encoders, whole and odd: each decodes to the length, start and channels of its source."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.mp4 import MP4, MP4FreeForm
from numpy.typing import NDArray

from components.core.sound.containers.ogg import page_checksum
from components.core.sound.decoding import Audio, describe_recording, read_audio
from components.core.sound.errors import DamagedFile
from tests.support.encoders import run_ffmpeg, run_tool

RATE, SAMPLES = 44100, 120_007


def _music(samples: int = SAMPLES, channels: int = 2, rate: int = RATE) -> Audio:
    """Return a sweep that differs in each channel, so that a shift, a cut or a swap shows."""
    times = np.arange(samples) / rate
    sweeps = [0.4 * np.sin(2 * np.pi * (200 + 150 * channel + 300 * times) * times) for channel in range(channels)]
    return np.stack(sweeps).astype(np.float32)


def _wav(path: Path, channels: int = 2, rate: int = RATE, samples: int = SAMPLES, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, _music(samples, channels, rate).T, rate, subtype)
    return path


def _require_same(path: Path, expected: Audio, error_db: float) -> None:
    """Require the length of `expected`, and that each channel differs from it by less than `error_db`."""
    _require_alike(read_audio(path)[0], expected, error_db)


def _require_alike(found: Audio, expected: Audio, error_db: float) -> None:
    assert found.shape == expected.shape
    for channel, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        difference = 10 * np.log10(1e-20 + np.square(ours - theirs).sum() / np.square(theirs).sum())
        assert difference < error_db, f"channel {channel} differs by {difference:.1f} dB"


def _pages(data: bytes) -> list[int]:
    places = [place for place in range(len(data) - 4) if data.startswith(b"OggS", place)]
    return [place for place in places if data[place + 4] == 0]


def _with_page(data: bytes, place: int, flags: int | None = None, position: int | None = None) -> bytes:
    """Return an Ogg file with another flag or position on the page at `place`, and its right checksum."""
    ends = [*_pages(data), len(data)]
    page = bytearray(data[place : ends[ends.index(place) + 1]])
    page[5] = page[5] if flags is None else flags
    page[6:14] = page[6:14] if position is None else position.to_bytes(8, "little")
    page[22:26] = bytes(4)
    page[22:26] = page_checksum(page).to_bytes(4, "little")
    return data[:place] + bytes(page) + data[place + len(page) :]


def _opus(folder: Path, serial: int = 1, channels: int = 2) -> Path:
    path = folder / f"{serial}.opus"
    source = _wav(folder / "source.wav", channels, 48_000)
    run_tool("opus-tools/opusenc", "--quiet", "--bitrate", "256", "--serial", str(serial), source, path)
    return path


def _vorbis(folder: Path, serial: int = 1, rate: int = RATE) -> Path:
    path = folder / f"{serial}.ogg"
    source = _wav(folder / "source.wav", rate=rate)
    run_tool("vorbis-tools/oggenc", "-Q", "-q8", "-s", str(serial), source, "-o", path)
    return path


def _by_opusdec(path: Path) -> Audio:
    decoded = path.with_suffix(".opusdec.wav")
    run_tool("opus-tools/opusdec", "--quiet", "--float", "--force-wav", path, decoded)
    samples: Audio = soundfile.read(decoded, dtype="float32", always_2d=True)[0].T
    return samples


@pytest.mark.parametrize("encode", [_opus, _vorbis])
def test_each_link_of_a_chained_ogg_is_decoded(tmp_path: Path, encode: Callable[[Path, int], Path]) -> None:
    links = [encode(tmp_path, serial) for serial in (1, 2, 3)]
    path = tmp_path / "chained.ogg"
    path.write_bytes(b"".join(link.read_bytes() for link in links))
    _require_same(path, np.concatenate([read_audio(links[0])[0]] * 3, axis=1), -100)
    assert read_audio(path)[0].shape[1] == 3 * SAMPLES


def test_links_of_different_rates_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "chained.ogg"
    path.write_bytes(_vorbis(tmp_path).read_bytes() + _vorbis(tmp_path, 2, 48_000).read_bytes())
    with pytest.raises(DamagedFile, match=r"its links differ: Vorbis .* 44,100 Hz is followed by Vorbis .* 48,000 Hz"):
        describe_recording(path)


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 6, 7, 8])
def test_opus_has_the_channels_of_wave(tmp_path: Path, channels: int) -> None:
    path = _opus(tmp_path, channels=channels)
    _require_same(path, _by_opusdec(path), -60)
    heard = [channel for channel in range(channels) if channels < 6 or channel != 3]  # the LFE has no sweep left
    _require_alike(read_audio(path)[0][heard], _music(channels=channels, rate=48_000)[heard], -15)


@pytest.mark.parametrize("offset", [960, 1_2120_007, (1 << 40) + 7])
def test_opus_of_a_running_stream_begins_with_the_music(tmp_path: Path, offset: int) -> None:
    path = _opus(tmp_path)
    expected, data = read_audio(path)[0], path.read_bytes()
    for place in _pages(data)[2:]:
        data = _with_page(data, place, position=int.from_bytes(data[place + 6 : place + 14], "little") + offset)
    path.write_bytes(data)
    _require_same(path, expected, -100)
    _require_same(path, _by_opusdec(path), -60)


def test_vorbis_of_a_running_stream_keeps_its_length(tmp_path: Path) -> None:
    path = _vorbis(tmp_path)
    expected, data = read_audio(path)[0], path.read_bytes()
    for place in _pages(data):
        position = int.from_bytes(data[place + 6 : place + 14], "little")
        data = _with_page(data, place, position=position + 1_000_000) if position else data
    path.write_bytes(data)
    _require_same(path, expected, -100)


@pytest.mark.parametrize("encode", [_opus, _vorbis])
def test_ogg_without_the_end_of_stream_bit_is_whole(tmp_path: Path, encode: Callable[[Path], Path]) -> None:
    path = encode(tmp_path)
    expected, data = read_audio(path)[0], path.read_bytes()
    path.write_bytes(_with_page(data, _pages(data)[-1], flags=0))
    _require_same(path, expected, -100)


@pytest.mark.parametrize("encode", [_opus, _vorbis])
def test_ogg_whose_last_page_is_cut_is_damaged(tmp_path: Path, encode: Callable[[Path], Path]) -> None:
    path = encode(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedFile, match="ends within a page"):
        describe_recording(path)


def test_ogg_that_lacks_a_page_is_damaged(tmp_path: Path) -> None:
    path = _vorbis(tmp_path)
    data = path.read_bytes()
    places = _pages(data)
    path.write_bytes(data[: places[3]] + data[places[4] :])
    with pytest.raises(DamagedFile, match="truncated"):
        read_audio(path)


@pytest.mark.parametrize("options", [[], ["-movflags", "+faststart"], ["-movflags", "frag_keyframe+delay_moov"]])
@pytest.mark.parametrize("suffix", ["m4a", "mov"])
def test_aac_in_mp4_has_the_length_and_start_of_its_source(tmp_path: Path, suffix: str, options: list[str]) -> None:
    path = tmp_path / f"a.{suffix}"
    run_ffmpeg("-i", _wav(tmp_path / "source.wav"), "-c:a", "aac", "-b:a", "320k", *options, path)
    _require_same(path, _music(), -30)


def test_opus_in_mp4_has_the_length_and_start_of_its_source(tmp_path: Path) -> None:
    opus = _opus(tmp_path)
    run_ffmpeg("-i", opus, "-c", "copy", tmp_path / "a.mp4")
    _require_same(tmp_path / "a.mp4", read_audio(opus)[0], -40)


def test_itunes_tag_gives_the_length_where_there_is_no_edit_list(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    run_ffmpeg("-i", _wav(tmp_path / "source.wav"), "-c:a", "aac", "-b:a", "320k", "-use_editlist", "0", path)
    assert read_audio(path)[0].shape[1] > SAMPLES
    _add_itunes_tag(path, f" 00000000 {1024:08X} {512:08X} {SAMPLES:016X}")
    _require_same(path, _music(), -30)


def _add_itunes_tag(path: Path, text: str) -> None:
    song = MP4(path)
    if song.tags is None:
        song.add_tags()
    song["----:com.apple.iTunes:iTunSMPB"] = [MP4FreeForm(text.encode())]
    song.save()


def test_edit_list_of_two_parts_leaves_the_rest_out(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    run_ffmpeg("-i", _wav(tmp_path / "source.wav"), "-c:a", "pcm_s16le", path)
    entries = [(2000, 0), (3000, 10_000)]
    path.write_bytes(_with_edits(path.read_bytes(), entries))
    _require_same(path, np.concatenate([_music()[:, :2000], _music()[:, 10_000:13_000]], axis=1), -60)


def test_edit_list_that_repeats_a_part_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    run_ffmpeg("-i", _wav(tmp_path / "source.wav"), "-c:a", "pcm_s16le", path)
    path.write_bytes(_with_edits(path.read_bytes(), [(2000, 0), (2000, 0)]))
    with pytest.raises(DamagedFile, match="its edit list repeats"):
        describe_recording(path)


def _with_edits(data: bytes, edits: list[tuple[int, int]]) -> bytes:
    """Replace the edit list of a file whose index stands at the end; the movie gets the clock of the track."""
    content = struct.pack(">II", 0, len(edits))
    content += b"".join(struct.pack(">IiI", length, start, 1 << 16) for length, start in edits)
    elst = struct.pack(">I4s", len(content) + 8, b"elst") + content
    place = data.index(b"elst") - 4
    old = int.from_bytes(data[place : place + 4], "big")
    data = data[:place] + elst + data[place + old :]
    for name in (b"moov", b"trak", b"edts"):
        size = data.index(name) - 4
        grown = int.from_bytes(data[size : size + 4], "big") + len(elst) - old
        data = data[:size] + grown.to_bytes(4, "big") + data[size + 4 :]
    clock = data.index(b"mvhd") + 16
    return data[:clock] + RATE.to_bytes(4, "big") + data[clock + 4 :]


def _flac(folder: Path, *options: str, subtype: str = "PCM_16") -> Path:
    path = folder / "a.flac"
    run_tool("flac", "-s", "-f", *options, _wav(folder / "source.wav", subtype=subtype), "-o", path)
    return path


def _integers(path: Path) -> NDArray[np.int32]:
    return np.concatenate(list(describe_recording(path).read_blocks(10_000, "int32")), axis=1)


TAILS = {
    "ID3v1": b"TAG" + bytes(125),
    "zeros": bytes(5000),
    "APE and ID3v1": b"APETAGEX" + struct.pack("<IIII8x", 2000, 32, 0, 0) + b"TAG" + bytes(125),
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_bytes_after_the_last_frame_of_flac_are_no_damage(tmp_path: Path, tail: bytes) -> None:
    path = _flac(tmp_path)
    path.write_bytes(path.read_bytes() + tail)
    assert np.array_equal(_integers(path), soundfile.read(tmp_path / "source.wav", dtype="int32")[0].T)


@pytest.mark.parametrize("total", [0, 1, 4096, SAMPLES - 1])
@pytest.mark.parametrize("options", [[], ["--lax", "-b", "2000"], ["--no-md5-sum"]])
def test_flac_whose_header_says_too_little_is_whole(tmp_path: Path, total: int, options: list[str]) -> None:
    path = _flac(tmp_path, *options)
    data = bytearray(path.read_bytes())
    data[21:26] = bytes([data[21] & 0xF0]) + total.to_bytes(4, "big")
    path.write_bytes(data)
    assert np.array_equal(_integers(path), soundfile.read(tmp_path / "source.wav", dtype="int32")[0].T)


ZEROS = [*range(9), 100]


@pytest.fixture(scope="module")
def flacs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two files; the last checksum of the second, of one in 256, ends with zero: it is right one byte earlier, too."""
    folder = tmp_path_factory.mktemp("flacs")
    usual = _flac_of_16_bits(folder / "usual.flac", 0, 5000)
    for seed in range(5000):
        odd = _flac_of_16_bits(folder / "odd.flac", seed, 400)
        if odd.read_bytes().endswith(b"\0"):
            return usual, odd
    raise AssertionError("no checksum ends with zero")


@pytest.mark.parametrize("zeros", ZEROS)
@pytest.mark.parametrize("is_from_pipe", [False, True])
def test_zeros_behind_flac_are_no_damage(
    tmp_path: Path, flacs: tuple[Path, Path], zeros: int, is_from_pipe: bool
) -> None:
    path = tmp_path / "a.flac"
    for whole in flacs:
        data = whole.read_bytes()
        path.write_bytes((_without_total(data) if is_from_pipe else data) + bytes(zeros))
        assert np.array_equal(_integers(path), _integers(whole))


def test_flac_may_have_a_zero_and_a_tag_behind_it(tmp_path: Path, flacs: tuple[Path, Path]) -> None:
    path = tmp_path / "a.flac"
    for whole in flacs:
        for zeros in range(3):
            path.write_bytes(whole.read_bytes() + bytes(zeros) + b"TAG" + bytes(125))
            assert np.array_equal(_integers(path), _integers(whole))


def _flac_of_16_bits(path: Path, seed: int, samples: int) -> Path:
    noise = np.random.default_rng(seed).integers(-2000, 2000, (samples, 2)).astype(np.int16)
    soundfile.write(path, noise, RATE, "PCM_16")
    return path


def _without_total(data: bytes) -> bytes:
    """Return a FLAC as it is written to a pipe, without its length and its checksum."""
    return data[:21] + bytes([data[21] & 0xF0]) + bytes(4 + 16) + data[42:]


def test_flac_of_32_bits_is_read_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    source = _wav(tmp_path / "source.wav", subtype="PCM_32")
    run_ffmpeg("-i", source, "-c:a", "flac", "-strict", "experimental", "-bits_per_raw_sample", "32", path)
    assert describe_recording(path).info.subtype == "PCM_32"
    assert np.array_equal(_integers(path), soundfile.read(source, dtype="int32")[0].T)


def test_flac_that_contradicts_its_checksum_is_damaged(tmp_path: Path) -> None:
    path = _flac(tmp_path)
    data = bytearray(path.read_bytes())
    data[26] ^= 1  # the first byte of the MD5
    path.write_bytes(data)
    with pytest.raises(DamagedFile, match="do not match the MD5"):
        read_audio(path)


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_flac_matches_its_checksum(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, _music().T, RATE, subtype)
    assert describe_recording(path).container.md5
    assert read_audio(path)[0].shape == (2, SAMPLES)


@pytest.mark.parametrize("container", ["RF64", "BW64", "W64"])
def test_long_wav_that_is_cut_is_refused(tmp_path: Path, container: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, _music().T, RATE, "PCM_24", format="W64" if container == "W64" else "RF64")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"RF64", b"BW64", 1) if container == "BW64" else data)
    assert read_audio(path)[0].shape == (2, SAMPLES)
    path.write_bytes(path.read_bytes()[: len(data) * 2 // 3])
    with pytest.raises(DamagedFile, match="truncated: its header promises"):
        read_audio(path)


@pytest.mark.parametrize("name", ["a.wv", "a.tta"])
def test_lossless_codecs_of_ffmpeg_are_held_against_their_header(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    run_ffmpeg("-i", _wav(tmp_path / "source.wav"), path)
    _require_same(path, _music(), -80)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(DamagedFile, match="truncated"):
        read_audio(path)


def test_wavpack_of_its_own_encoder_keeps_its_length(tmp_path: Path) -> None:
    run_tool("wavpack", "-q", "-y", _wav(tmp_path / "source.wav"), "-o", tmp_path / "a.wv")
    _require_same(tmp_path / "a.wv", _music(), -80)


def test_mp3_of_lame_keeps_its_length(tmp_path: Path) -> None:
    run_tool("lame", "--quiet", "-b", "320", _wav(tmp_path / "source.wav"), tmp_path / "a.mp3")
    _require_same(tmp_path / "a.mp3", _music(), -30)


def test_decoder_that_returns_nothing_and_succeeds_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wv"
    run_ffmpeg("-i", _wav(tmp_path / "source.wav"), path)
    recording = describe_recording(path)
    fake = tmp_path / "bin" / "ffmpeg"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexit 0\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    with pytest.raises(DamagedFile, match=f"promises {SAMPLES:,} samples, but it has 0"):
        list(recording.read_blocks(1000))
