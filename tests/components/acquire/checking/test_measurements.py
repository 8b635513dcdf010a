"""Measurements of real and of damaged files, and the problems that follow from them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.acquire.checking import measurements
from components.acquire.checking.measurements import measure_track
from components.acquire.checking.track_checks import find_problems, unscorable_reason
from components.acquire.datasets.collection import SourceStem, SourceTrack
from components.core.data.data_problems import ProblemKind
from components.core.sound import ffmpeg
from tests.support.encoders import run_ffmpeg

EXCERPT_STREAMS = ("mixture", "drums", "bass", "other", "vocals")
Write = Callable[..., Path]


def _track(*stems: SourceStem) -> SourceTrack:
    return SourceTrack("set", "A - B", "A", "B", None, stems)


def _folder(folder: Path) -> SourceTrack:
    return _track(*(SourceStem(path.stem, path) for path in sorted(folder.iterdir())))


def _find_problems(track: SourceTrack) -> dict[ProblemKind, bool]:
    return {problem.problem: problem.used for problem in find_problems(track, "set/A - B", measure_track(track))}


def test_measure_covers_a_whole_musdb18_excerpt(excerpt: Path) -> None:
    track = _track(*(SourceStem(stem, excerpt, stream) for stream, stem in enumerate(EXCERPT_STREAMS)))
    facts = measure_track(track)
    assert {stem.rate for stem in facts.stems.values()} == {44_100}
    assert {stem.channels for stem in facts.stems.values()} == {2}
    assert all(6 < stem.seconds < 7 and stem.peak > 0.01 and not stem.error for stem in facts.stems.values())
    assert facts.residual_db is not None
    assert -20 < facts.residual_db < -10  # measured: −15.4
    assert _find_problems(track) == {ProblemKind.NOT_THE_SUM: True}
    assert unscorable_reason(facts) is None


def test_measurements_do_not_depend_on_the_blocks(song: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    track = _folder(song(tmp_path / "song", mixture=True))
    complete = measure_track(track)
    monkeypatch.setattr(measurements, "BLOCK", 1000)
    pieces = measure_track(track)
    assert {name: stem.samples for name, stem in complete.stems.items()} == {
        name: stem.samples for name, stem in pieces.stems.items()
    }
    assert complete.residual_db == pytest.approx(pieces.residual_db, abs=1e-6)


def test_complete_stems_have_no_problem(song: Write, tmp_path: Path) -> None:
    track = _folder(song(tmp_path / "song", mixture=True))
    facts = measure_track(track)
    assert facts.residual_db is not None
    assert facts.residual_db < -100
    assert _find_problems(track) == {}


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".opus", ".flac", ".ogg", ".aiff"])
def test_mono_files_at_8_khz_of_every_format_have_no_problem(write: Write, tmp_path: Path, suffix: str) -> None:
    for number, stem in enumerate(("vocals", "drums")):
        write(tmp_path / "song" / f"{stem}{suffix}", seed=number, rate=8000, channels=1)
    track = _folder(tmp_path / "song")
    assert not {kind for kind, used in _find_problems(track).items() if not used}
    assert {stem.channels for stem in measure_track(track).stems.values()} == {1}


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".m4a", ".aiff"])
def test_truncated_file_has_a_problem(write: Write, tmp_path: Path, suffix: str) -> None:
    samples = np.random.default_rng(1).uniform(-0.1, 0.1, (44_100 * 4, 2)).astype(np.float32)
    for stem in ("vocals", "drums"):
        write(tmp_path / f"{stem}{suffix}", samples=samples)
    for path in tmp_path.iterdir():
        os.truncate(path, path.stat().st_size * 6 // 10)
    assert _find_problems(_folder(tmp_path)) == {ProblemKind.TRUNCATED: False}


def test_truncated_mp4_with_its_index_in_front_has_a_problem(write: Write, tmp_path: Path) -> None:
    wav = write(tmp_path / "vocals.wav", seconds=4.0)
    target = tmp_path / "song" / "vocals.m4a"
    target.parent.mkdir()
    command = [ffmpeg.find_tool("ffmpeg"), "-nostdin", "-v", "error", "-i", str(wav)]
    subprocess.run([*command, "-movflags", "+faststart", str(target)], check=True)
    os.truncate(target, target.stat().st_size // 2)
    write(tmp_path / "song" / "drums.wav", seconds=4.0)
    assert not set(_find_problems(_folder(tmp_path / "song")).values()) - {False}


@pytest.mark.parametrize("container", ["wav", "flac"])
def test_stems_from_a_pipe_are_complete(write: Write, tmp_path: Path, container: str) -> None:
    wav = write(tmp_path / "source.wav")
    command = [ffmpeg.find_tool("ffmpeg"), "-nostdin", "-v", "error", "-i", str(wav), "-f", container, "-"]
    for stem in ("vocals", "drums"):
        path = tmp_path / "song" / f"{stem}.{container}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    assert _find_problems(_folder(tmp_path / "song")) == {}


@pytest.mark.parametrize("rubbish", [b"", b"RIFF", b"\0" * 5000, b"<html>not found</html>" * 50, os.urandom(4096)])
@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a"])
def test_file_without_audio_is_unreadable(song: Write, tmp_path: Path, rubbish: bytes, suffix: str) -> None:
    folder = song(tmp_path / "song", stems=("drums",))
    (folder / f"vocals{suffix}").write_bytes(rubbish)
    track = _folder(folder)
    problems = find_problems(track, "set/A - B", measure_track(track))
    assert problems
    assert not any(problem.used for problem in problems)
    assert {problem.stem for problem in problems} == {"vocals"}
    assert "\n" not in problems[0].detail


@pytest.mark.parametrize("name", ["vocals.wv", "vocals.tta", "vocals.m4a", "vocals.mov"])
def test_stems_of_other_codecs_have_the_length_of_their_source(write: Write, tmp_path: Path, name: str) -> None:
    song = tmp_path / "song"
    wav = write(song / "drums.wav", seconds=2.0)
    run_ffmpeg("-i", wav, song / name)
    assert len({stem.samples for stem in measure_track(_folder(song)).stems.values()}) == 1
    assert _find_problems(_folder(song)) == {}


def test_missing_file_is_unreadable(song: Write, tmp_path: Path) -> None:
    song(tmp_path / "song")
    track = _track(SourceStem("vocals", tmp_path / "song/vocals.wav"), SourceStem("bass", tmp_path / "song/bass.wav"))
    assert _find_problems(track) == {ProblemKind.UNREADABLE: False}


def test_missing_stream_is_unreadable(excerpt: Path) -> None:
    assert _find_problems(_track(SourceStem("vocals", excerpt, 4), SourceStem("bass", excerpt, 9))) == {
        ProblemKind.UNREADABLE: False
    }


def test_nan_samples_are_not_finite(song: Write, write: Write, tmp_path: Path) -> None:
    folder = song(tmp_path / "song")
    samples = soundfile.read(folder / "drums.wav", dtype="float32")[0]
    samples[1000] = np.nan
    write(folder / "drums.wav", samples=samples)
    assert _find_problems(_folder(folder)) == {ProblemKind.NOT_FINITE: False}


def test_clipped_stem_names_its_share(song: Write, write: Write, tmp_path: Path) -> None:
    folder = song(tmp_path / "song")
    wave = np.clip(1.5 * np.sin(np.arange(66_150) / 20), -1, 1).astype(np.float32)
    write(folder / "drums.wav", samples=np.stack([wave, wave], axis=1))
    track = _folder(folder)
    problems = find_problems(track, "set/A - B", measure_track(track))
    assert [(problem.problem, problem.used) for problem in problems] == [(ProblemKind.CLIPPED, True)]
    assert problems[0].detail.startswith("53.")  # arccos(1/1.5) · 2/π of a sine


def test_silent_vocals_are_used_but_not_scored(song: Write, write: Write, tmp_path: Path) -> None:
    folder = song(tmp_path / "song", stems=("drums", "bass"))
    write(folder / "vocals.wav", samples=np.zeros((66_150, 2), np.float32))
    assert _find_problems(_folder(folder)) == {ProblemKind.SILENT: True}
    assert unscorable_reason(measure_track(_folder(folder))) == "its vocals are silent throughout"


def test_silent_accompaniment_is_refused(song: Write, write: Write, tmp_path: Path) -> None:
    folder = song(tmp_path / "song", stems=("vocals",))
    write(folder / "accompaniment.wav", samples=np.zeros((66_150, 2), np.float32))
    assert _find_problems(_folder(folder))[ProblemKind.ONLY_VOCALS] is False
    assert unscorable_reason(measure_track(_folder(folder))) == "its accompaniment is silent throughout"


def test_mixture_equal_to_the_vocals_is_refused(song: Write, tmp_path: Path) -> None:
    folder = song(tmp_path / "song", stems=("vocals",), mixture=True)
    assert _find_problems(_folder(folder)) == {ProblemKind.ONLY_VOCALS: False}


def test_vocals_and_a_mixture_have_no_problem(song: Write, tmp_path: Path) -> None:
    folder = song(tmp_path / "song", mixture=True)
    (folder / "drums.wav").unlink()
    assert _find_problems(_folder(folder)) == {}


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1.48, {ProblemKind.LENGTHS_DIFFER: True}), (1.4, {ProblemKind.WRONG_LENGTH: False})]
)
def test_lengths_may_differ_within_the_tolerance(
    song: Write, write: Write, tmp_path: Path, seconds: float, expected: dict[ProblemKind, bool]
) -> None:
    folder = song(tmp_path / "song")
    write(folder / "vocals.wav", seconds=seconds)
    assert _find_problems(_folder(folder)) == expected


def test_track_below_a_second_is_refused(write: Write, tmp_path: Path) -> None:
    for stem in ("vocals", "drums"):
        write(tmp_path / f"{stem}.wav", seconds=0.5)
    assert _find_problems(_folder(tmp_path)) == {ProblemKind.TOO_SHORT: False}


def test_rates_that_differ_are_used_with_a_warning(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "vocals.wav", rate=48_000)
    write(tmp_path / "drums.wav", rate=44_100)
    write(tmp_path / "mixture.wav", rate=44_100)
    assert _find_problems(_folder(tmp_path)) == {ProblemKind.RATES_DIFFER: True}


@pytest.mark.parametrize(
    ("gain", "expected"), [(1.02, {}), (1.3, {ProblemKind.NOT_THE_SUM: True}), (-1.0, {ProblemKind.NOT_THE_SUM: False})]
)
def test_stems_that_do_not_add_up_have_a_problem(
    song: Write, write: Write, tmp_path: Path, gain: float, expected: dict[ProblemKind, bool]
) -> None:
    folder = song(tmp_path / "song", mixture=True)
    samples = soundfile.read(folder / "mixture.wav", dtype="float32")[0]
    write(folder / "mixture.wav", samples=(gain * samples).astype(np.float32))
    assert _find_problems(_folder(folder)) == expected
