"""The synthetic songs: deterministic, well formed, and musical enough to learn from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from demo_songs import STEMS, render_song, singer_of, song_title
from demo_songs.score import compose
from demo_songs.signals import midi_to_hz, oscillate, pluck, saw_series, wavetables
from demo_songs.singers import SINGERS, make_singer

RATE = 44100


def mixed(stems: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    return np.asarray(np.sum([stems[name] for name in STEMS], axis=0, dtype=np.float64))


def rms_frames(stem: NDArray[np.float32], frame: int = 2205) -> NDArray[np.float64]:
    """RMS per frame of 50 ms."""
    mono = stem.mean(axis=0).astype(np.float64)
    return np.asarray(np.sqrt(np.mean(mono[: len(mono) // frame * frame].reshape(-1, frame) ** 2, axis=1)))


@pytest.fixture(scope="module")
def songs() -> dict[int, dict[str, NDArray[np.float32]]]:
    return {seed: render_song(seed, 10.0) for seed in (2, 3, 4)}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1e-4, 0.1, 3.337, 20.0])
def test_stems_have_exactly_the_requested_length(seconds: float) -> None:
    stems = render_song(7, seconds)
    assert tuple(stems) == STEMS
    for stem in stems.values():
        assert stem.shape == (2, round(seconds * RATE))
        assert stem.dtype == np.float32
        assert np.isfinite(stem).all()


@pytest.mark.parametrize("rate", [16000, 22050, 48000])
def test_song_accepts_other_sampling_rates(rate: int) -> None:
    stems = render_song(5, 1.7, rate)
    assert all(stem.shape == (2, round(1.7 * rate)) and np.isfinite(stem).all() for stem in stems.values())
    assert rms_frames(stems["vocals"]).max() > 1e-3


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**63), seconds=st.floats(0.05, 2.5))
def test_any_seed_gives_a_valid_song(seed: int, seconds: float) -> None:
    stems = render_song(seed, seconds, 22050)
    mixture = mixed(stems)
    assert np.isfinite(mixture).all()
    assert 0.0 < np.abs(mixture).max() <= 0.9


def test_same_arguments_give_the_same_bits() -> None:
    before = str(np.random.get_state(legacy=False))
    first, again = render_song(11, 2.5), render_song(11, 2.5)
    assert all(np.array_equal(first[name], again[name]) for name in STEMS)
    assert str(np.random.get_state(legacy=False)) == before, "the global generator was used"


@pytest.mark.slow
def test_different_seeds_give_different_songs(songs: dict[int, dict[str, NDArray[np.float32]]]) -> None:
    for name in STEMS:
        assert not np.array_equal(songs[2][name], songs[3][name])
    assert len({song_title(seed) for seed in range(200)}) == 200


def test_peak_of_the_mixture_leaves_headroom(songs: dict[int, dict[str, NDArray[np.float32]]]) -> None:
    for stems in songs.values():
        assert 0.4 < np.abs(mixed(stems)).max() <= 0.9


def test_vocals_sing_and_rest(songs: dict[int, dict[str, NDArray[np.float32]]]) -> None:
    for stems in songs.values():
        loudness = rms_frames(stems["vocals"])
        quiet = np.mean(loudness < 0.05 * loudness.max())
        assert 0.03 < quiet < 0.7
        backing = np.sqrt(np.mean((stems["drums"] + stems["bass"] + stems["other"]) ** 2))
        balance = 20.0 * np.log10(np.sqrt(np.mean(stems["vocals"] ** 2)) / backing)
        assert -14.0 < balance < 6.0


def test_accompaniment_is_audible_and_stereo(songs: dict[int, dict[str, NDArray[np.float32]]]) -> None:
    for stems in songs.values():
        assert rms_frames(stems["other"]).max() > 1e-3
        assert np.abs(stems["other"][0] - stems["other"][1]).max() > 1e-3


def test_each_of_many_singers_keeps_a_voice() -> None:
    names = [singer_of(seed) for seed in range(300)]
    assert names == [singer_of(seed) for seed in range(300)]
    assert len(set(names)) > 60
    voices = [make_singer(identity) for identity in range(SINGERS)]
    assert len({voice.name for voice in voices}) == SINGERS
    assert len({voice.tract for voice in voices}) == SINGERS
    assert make_singer(5) == voices[5]


@pytest.mark.parametrize(("seed", "seconds"), [(1, 0.0), (1, -2.0), (-1, 1.0)])
def test_impossible_songs_are_refused(seed: int, seconds: float) -> None:
    with pytest.raises(ValueError):
        render_song(seed, seconds)


@pytest.mark.parametrize("midi", [40.0, 57.3, 76.0])
def test_strings_and_oscillators_are_in_tune(midi: float) -> None:
    hertz = float(midi_to_hz(midi))
    tables = wavetables(saw_series())
    for tone in (
        pluck(np.random.default_rng(0), hertz, 1.0, RATE, 0.001, 0.2),
        oscillate(tables, np.full(RATE, hertz), RATE),
    ):
        spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone)), 4 * RATE))
        near = slice(int(4 * hertz * 0.9), int(4 * hertz * 1.1))
        found = (near.start + int(np.argmax(spectrum[near]))) / 4.0
        assert abs(found / hertz - 1.0) < 0.006


def test_oscillators_do_not_alias() -> None:
    hertz = 3000.0
    tone = oscillate(wavetables(saw_series()), np.full(RATE, hertz), RATE)
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(RATE)))
    harmonic = np.zeros(len(spectrum), dtype=bool)
    for k in range(1, 8):
        harmonic[int(k * hertz) - 4 : int(k * hertz) + 5] = True
    assert spectrum[~harmonic].max() < 1e-2 * spectrum.max()


def test_scores_cover_the_song_and_always_have_harmony() -> None:
    for seed in range(20):
        score = compose(np.random.default_rng(seed), 12.0)
        assert score.chords[-1].start + score.chords[-1].length >= 12.0
        assert 60.0 / 170.0 <= score.beat <= 60.0 / 70.0
        assert all(names & {"chords", "pad", "extra"} for _, _, names in score.sections)
