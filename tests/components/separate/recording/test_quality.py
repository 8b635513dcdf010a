"""Figures of separated recordings are right for known sounds, and do not depend on the blocks."""

import json
import math
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.core.sound.decoding import Audio
from components.core.sound.recording_features import FEATURES
from components.core.sound.training_profile import Profile
from components.separate.recording.quality import Quality, QualityMeter
from components.separate.recording.quality_flags import find_flags
from components.train.profile_measurement import make_profile
from tests.components.separate.parameters import flag_limits
from tests.support.tiny_models import TARGETS, noise

CUTS = st.lists(st.integers(0, 60_000), max_size=6)


def _stems(*stems: NDArray[np.floating[Any]]) -> Audio:
    return np.stack(stems).astype(np.float32)


def _measured(stems: Audio, rate: int = 44100, profile: Profile | None = None) -> Quality:
    meter = QualityMeter(tuple(f"stem{number}" for number in range(len(stems))), rate, profile)
    meter.add(stems)
    return meter.result()


def _tone(level: float, seconds: float = 2.0, hz: float = 441.0) -> Audio:
    time = np.arange(round(seconds * 44100)) / 44100
    return np.tile(level * np.sin(2 * np.pi * hz * time), (2, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def profile() -> Profile:
    """The profile of a model that was trained on white noise of several widths."""
    tracks = [_measured(_stems(noise(seed, 44100) * [[1], [seed / 20]])).features for seed in range(20)]
    return make_profile({"noises": tracks}, FEATURES, 44100, {})


@settings(deadline=None, max_examples=40)
@given(
    rate=st.sampled_from((8000, 44100)),
    stems=st.integers(1, 4),
    channels=st.sampled_from((1, 2, 8)),
    samples=st.integers(1, 60_000),
    cuts=CUTS,
)
def test_figures_do_not_depend_on_the_blocks(
    rate: int, stems: int, channels: int, samples: int, cuts: list[int]
) -> None:
    # loud enough that some of it is clipped
    audio = _stems(*(noise(samples + number, samples, channels, 1.2) for number in range(stems)))
    meter = QualityMeter(tuple(f"stem{number}" for number in range(stems)), rate, None)
    for part in np.split(audio, sorted(cuts), axis=-1):
        meter.add(part)
    assert meter.result() == _measured(audio, rate)


def test_levels_equal_those_of_the_recording() -> None:
    quality = _measured(_stems(_tone(0.75), -_tone(0.25)))
    assert quality.level_db == pytest.approx(20 * math.log10(0.5) - 3.0103, abs=0.001)
    assert quality.peak_db == pytest.approx(20 * math.log10(0.5), abs=0.001)
    assert quality.shares == pytest.approx({"stem0": 0.9, "stem1": 0.1})
    assert quality.clipped == 0


def test_similar_stems_correlate() -> None:
    one, other = noise(1, 88200), noise(2, 88200)
    assert _measured(_stems(one, 0.01 * one)).correlation == pytest.approx(1.0)
    assert _measured(_stems(one, -one)).correlation == pytest.approx(-1.0)
    assert _measured(_stems(one, other)).correlation == pytest.approx(0.0, abs=0.01)
    assert _measured(_stems(one, one + other)).correlation == pytest.approx(math.sqrt(0.5), abs=0.01)
    # the third pair of stems has little energy, so it has little weight
    assert _measured(_stems(one, other, 1e-4 * one)).correlation == pytest.approx(0.0, abs=0.01)
    assert _measured(_stems(one)).correlation == 0.0


def test_time_below_60_db_counts_as_silent() -> None:
    loud, quiet = _tone(0.1, 3.0), _tone(0.0005, 1.0)
    quality = _measured(_stems(np.concatenate([loud, quiet], axis=1)))
    assert quality.silent_share == pytest.approx(0.25, abs=0.03)
    for peak, share in ((0.0014, 1.0), (0.00145, 0.0)):  # a sine's level is 3 dB below its peak: -60.1 and -59.8 dB
        assert _measured(_stems(_tone(peak, 1.0))).silent_share == share


def _naive_runs(full: list[bool]) -> int:
    lengths = [len(list(run)) for value, run in groupby(full) if value]
    return sum(length for length in lengths if length >= 3)


@settings(deadline=None, max_examples=60)
@given(lengths=st.lists(st.integers(1, 9), min_size=100, max_size=200))
def test_clipping_needs_three_samples_in_a_row(lengths: list[int]) -> None:
    left = np.repeat(np.arange(len(lengths)) % 2 == 0, lengths)
    full = np.stack([left, left[::-1]])
    signs = np.where(np.arange(left.size) // 5 % 2, -1.0, 1.0)
    # at a rate so low that blocks are 256 samples: runs reach over their edges
    quality = _measured(_stems(np.where(full, signs * 32767 / 32768, 0.5)), rate=100)
    assert quality.clipped == sum(_naive_runs(row.tolist()) for row in full)
    assert quality.clipped_share == pytest.approx(quality.clipped / full.size)


def test_distance_separates_similar_from_other_music(profile: Profile) -> None:
    like = _measured(_stems(noise(99, 44100) * [[1], [0.4]]), profile=profile)
    unlike = _measured(_stems(_tone(0.1)), profile=profile)
    assert like.distance is not None
    assert unlike.distance is not None
    assert like.distance < 1.3 < 5 < unlike.distance
    # the features in the ledger give the same distance
    assert profile.distance(like.features) == like.distance
    assert tuple(like.features) == FEATURES


def test_distance_uses_the_rate_of_the_model(profile: Profile) -> None:
    stems = _stems(noise(3, 44100))
    narrow = _measured(stems, profile=profile.model_copy(update={"rate": 16000})).features
    assert narrow["band_12500"] == -60 < _measured(stems, profile=profile).features["band_12500"]


@pytest.mark.parametrize("rate", [8000, 44100, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("samples", [1, 44100])
def test_recordings_of_any_shape_have_figures(rate: int, channels: int, samples: int, profile: Profile) -> None:
    stems = _stems(noise(1, samples, channels), noise(2, samples, channels))
    figures = _measured(stems, rate, profile).figures()
    assert figures["stem0_share"] + figures["stem1_share"] == pytest.approx(1, abs=1e-5)
    assert ("high_db" in figures) == (rate > 34000)
    assert all(math.isfinite(value) for value in figures.values())


@pytest.mark.parametrize("samples", [0, 1, 100_000])
def test_silence_has_figures(samples: int, profile: Profile) -> None:
    quality = _measured(np.zeros((2, 2, samples), np.float32), profile=profile)
    assert quality.distance is None
    assert quality.features == {}
    assert quality.figures() == {
        "stem0_share": 0.0,
        "stem1_share": 0.0,
        "level_db": -120.0,
        "peak_db": -120.0,
        "silent_share": 1.0 if samples else 0.0,
        "clipped": 0,
        "clipped_share": 0.0,
        "correlation": 0.0,
    }
    assert find_flags(quality.figures(), flag_limits()) == ("silent recording",)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(width=32), min_size=1, max_size=60))
def test_figures_are_finite_for_any_samples(values: list[float]) -> None:
    wild = np.array([[values, values[::-1]], [values[::-1], values]], np.float32)
    figures = _measured(wild).figures()
    json.dumps(figures, allow_nan=False)
    find_flags(figures, flag_limits())


def test_figures_have_few_digits_and_names_of_targets() -> None:
    meter = QualityMeter(TARGETS, 44100, None)
    meter.add(_stems(noise(1, 50_000), noise(2, 50_000)))
    figures = meter.result().figures()
    assert list(figures)[:2] == ["vocals_share", "accompaniment_share"]
    assert "distance" not in figures
    assert all(len(repr(value)) < 10 for value in figures.values())
