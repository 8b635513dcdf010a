"""The inspection of recordings: it names the reason for each unfit one, and a temporary failure is no reason."""

import errno
import hashlib
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.sound import decoding, ffmpeg
from components.separate.config import Limits
from components.separate.recording.inspection import Unfit, inspect
from tests.components.separate.hostile_corpus import (
    CORPUS,
    ENCODED,
    FIT,
    FOLDER,
    Material,
    flac_of_one_value,
    id3,
    patched,
    write_corpus,
)
from tests.components.separate.parameters import limits
from tests.support.tiny_models import noise

LIMITS = limits()

RATE = 22050
BITS = {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    assert set(write_corpus(folder, tmp_path_factory.mktemp("scratch"))) == {*CORPUS, FOLDER}
    return folder


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return Material(tmp_path_factory.mktemp("material"))


def _reason(path: Path, allowed: Limits = LIMITS) -> str:
    with pytest.raises(Unfit) as error:
        inspect(path, allowed)
    reason = str(error.value)
    assert reason.isprintable()  # so it is one line, and says nothing to a terminal
    assert path.name not in reason
    return reason


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, (_, word) in CORPUS.items() if word == FIT])
def test_odd_recordings_are_fit(corpus: Path, name: str) -> None:
    path = corpus / name
    found = inspect(path, LIMITS)
    assert found.info == decoding.describe_recording(path).info
    samples, rate = decoding.read_audio(path)
    assert (found.samples, found.info.rate, found.info.channels) == (samples.shape[1], rate, samples.shape[0])
    assert found.peak == pytest.approx(np.abs(samples).max())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, (_, word) in CORPUS.items() if word != FIT])
def test_hostile_recordings_are_unfit_with_a_reason(corpus: Path, name: str) -> None:
    assert CORPUS[name][1] in _reason(corpus / name)


def test_folder_pipe_and_device_are_unfit(corpus: Path, tmp_path: Path) -> None:
    assert "a folder" in _reason(corpus / FOLDER)
    pipe, device = tmp_path / "pipe.wav", tmp_path / "device.wav"
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    assert "not a file" in _reason(pipe)
    assert "not a file" in _reason(device)


@pytest.mark.parametrize("name", ENCODED)
def test_both_passes_see_the_same_samples(corpus: Path, name: str) -> None:
    found = inspect(corpus / name, LIMITS)
    for frames in (1000, 1 << 20):
        dtype = "int32" if found.bits else "float32"
        blocks = decoding.describe_recording(corpus / name).read_blocks(frames, dtype=dtype)
        assert hashlib.sha256(b"".join(block.T.tobytes() for block in blocks)).hexdigest() == found.digest


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), subtype=st.sampled_from(sorted(BITS)), channels=st.integers(1, 4))
def test_inspection_measures_length_peak_bits_and_digest(
    tmp_path: Path, data: st.DataObject, subtype: str, channels: int
) -> None:
    used = data.draw(st.integers(1, BITS[subtype]))
    drawn = data.draw(st.lists(st.integers(-(2 ** (used - 1)), 2 ** (used - 1) - 1), min_size=1, max_size=50))
    values = np.array([drawn] * channels).T << (32 - used)
    path = tmp_path / "a.wav"
    soundfile.write(path, values.astype(np.int32), RATE, subtype)
    if not any(drawn):
        assert "silent" in _reason(path)
        return
    found = inspect(path, LIMITS)
    together = int(np.bitwise_or.reduce(drawn))
    expected_bits = used - (together & -together).bit_length() + 1
    assert (found.samples, found.bits) == (len(drawn), expected_bits)
    assert found.peak == max(map(abs, drawn)) / 2 ** (used - 1)
    assert found.digest == hashlib.sha256(values.astype(np.int32).tobytes()).hexdigest()


def test_digest_depends_on_samples_and_not_on_tags(material: Material, tmp_path: Path) -> None:
    plain, tagged, other = (tmp_path / name for name in ("plain.flac", "tagged.flac", "other.wav"))
    plain.write_bytes(material.flac)
    tagged.write_bytes(id3(5000) + material.flac)
    samples = soundfile.read(plain, dtype="int16")[0]
    digest = inspect(plain, LIMITS).digest
    assert inspect(tagged, LIMITS).digest == digest
    soundfile.write(other, samples, RATE, "PCM_16")
    assert inspect(other, LIMITS).digest == digest
    samples[-1, 1] += 1
    soundfile.write(other, samples, RATE, "PCM_16")
    assert inspect(other, LIMITS).digest != digest


def test_inspection_obeys_the_limits(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(flac_of_one_value(70, 65_535, 8, RATE))  # 208 s, 73 MB
    assert "bomb" in _reason(path)
    assert inspect(path, limits(expansion=1e6)).samples == 70 * 65_535
    assert "longer than 0.05 hours" in _reason(path, limits(expansion=1e6, hours=0.05))


def test_decoding_stops_at_the_limit_of_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(0, 100).T, RATE)
    ended = []

    def forever(*_: Any, **__: Any) -> Iterator[NDArray[np.int32]]:
        try:
            while True:
                yield np.ones((2, 65_536), np.int32)
        finally:
            ended.append(True)

    monkeypatch.setattr(decoding.Recording, "read_blocks", forever)
    assert "longer than 0.1 hours" in _reason(path, limits(hours=0.1, expansion=1e12))
    assert ended == [True]


def test_decoder_of_a_too_long_recording_is_ended(song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tool(tmp_path, monkeypatch, "ffmpeg", f"echo $$ > {tmp_path}/process; exec yes")  # samples without end
    assert "longer than 0.01 hours" in _reason(song, limits(hours=0.01, expansion=1e12))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "process").read_text()), 0)


@pytest.mark.slow
def test_wav_size_that_overflowed_is_found(material: Material, tmp_path: Path) -> None:
    """Beyond 4 GiB some programs write the size modulo 4 GiB, so decoders see only that part."""
    path = tmp_path / "a.wav"
    path.write_bytes(patched(material.wav, 40, "<I", 1000))
    assert inspect(path, LIMITS).samples == 250
    os.truncate(path, (1 << 32) + 1044)  # sparse
    assert "4 GiB" in _reason(path)


def _tool(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """Put a shell script in the place of ffmpeg or ffprobe."""
    fake = folder / "bin" / name
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    find = ffmpeg.find_tool
    monkeypatch.setattr(ffmpeg, "find_tool", lambda wanted: str(fake) if wanted == name else find(wanted))


@pytest.fixture
def song(material: Material, tmp_path: Path) -> Path:
    path = tmp_path / "song.mp3"
    path.write_bytes(material.mp3)
    return path


@pytest.mark.parametrize("name", ["ffmpeg", "ffprobe"])
def test_crashed_decoder_makes_the_recording_unfit(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _tool(tmp_path, monkeypatch, name, "head -c 8000 /dev/zero; kill -SEGV $$")
    assert "the decoder crashed on it (SIGSEGV)" in _reason(song)


@pytest.mark.parametrize("name", ["ffmpeg", "ffprobe"])
@pytest.mark.parametrize(
    "script", ["exec sleep 3600", "head -c 8000 /dev/zero; exec sleep 3600", "exec >&-; exec sleep 3600"]
)
def test_hanging_decoder_is_ended(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str
) -> None:
    _tool(tmp_path, monkeypatch, name, f"echo $$ > {tmp_path}/process\n{script}")
    assert "the decoder" in _reason(song, limits(decoder_seconds=0.5))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "process").read_text()), 0)


@pytest.mark.slow
def test_slow_decoder_may_finish(song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit holds for each block and not for the whole file, and excludes the time of the reader."""
    _tool(tmp_path, monkeypatch, "ffmpeg", "for i in 1 2 3 4 5; do printf %080000d 1; sleep 0.4; done")
    blocks = decoding.describe_recording(song, patience=1.5).read_blocks(10_000)
    next(blocks)
    time.sleep(2)
    assert sum(block.shape[1] for block in blocks) == 40_000


def test_decoder_has_a_memory_limit(song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tool(tmp_path, monkeypatch, "ffmpeg", "sleep 0.5; ulimit -v >&2; exit 1")
    assert "1048576" in _reason(song)


def test_decoder_with_endless_messages_is_bounded(song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tool(tmp_path, monkeypatch, "ffmpeg", "yes complaint | head -c 50000000 >&2; echo at last >&2; exit 1")
    assert "at last" in _reason(song)


def test_truncated_song_reports_the_remaining_samples(song: Path) -> None:
    os.truncate(song, song.stat().st_size // 2)
    assert "truncated: its header promises" in _reason(song)


@pytest.mark.parametrize("ending", ["kill -KILL $$", "exit 255"])
def test_killed_decoder_does_not_make_the_recording_unfit(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    _tool(tmp_path, monkeypatch, "ffmpeg", f"head -c 8000 /dev/zero; {ending}")
    _require_temporary_error(song, "the decoder was killed")


def test_missing_decoder_does_not_make_the_recording_unfit(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    _require_temporary_error(song, "not on PATH")


def _require_temporary_error(song: Path, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        inspect(song, LIMITS)
    assert not isinstance(error.value, Unfit)


def test_deleted_file_does_not_make_the_recording_unfit(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "absent.wav", LIMITS)


@pytest.mark.parametrize("name", ["cut a.flac", "rubbish.flac", "cut a.mp3"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOMEM, errno.ESTALE])
def test_failing_disk_does_not_make_the_recording_unfit(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    """A decoder ends silently at an unreadable sector, so the inspection reads the file again."""
    real_open = Path.open

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 4096 or size is None or size > 4096:
                raise OSError(code, os.strerror(code))
            return super().read(size)

    def failing(path: Path, *arguments: Any, **options: Any) -> Any:
        return Failing(path.read_bytes()) if path.name == name else real_open(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_bytes", lambda path: real_open(path, "rb").read())
    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(OSError, match=os.strerror(code)) as error:
        inspect(corpus / name, LIMITS)
    assert error.value.errno == code
