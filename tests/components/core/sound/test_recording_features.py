"""The features of a recording: they depend neither on blocks nor on loudness, and little on the rate."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.sound.decoding import Audio
from components.core.sound.recording_features import (
    BANDS_HZ,
    FEATURES,
    LOUDEST,
    FeatureMeter,
    MeasuredFeatures,
    Reblocker,
    block_samples,
    frame_samples,
    limit_samples,
)
from components.core.sound.resampling import resample

RATES = (8000, 22050, 44100, 48000, 96000, 192000)
CUTS = st.lists(st.integers(0, 30_000), max_size=6)


def _measured(audio: Audio, rate: int, heard_rate: int | None = None) -> MeasuredFeatures:
    meter = FeatureMeter(rate, heard_rate)
    meter.add(audio)
    return meter.result()


def _noise(seed: int, samples: int, channels: int = 2) -> Audio:
    return (0.1 * np.random.default_rng(seed).standard_normal((channels, samples))).astype(np.float32)


def _tone(hz: float, rate: int, seconds: float = 2.0) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    return np.tile(0.3 * np.sin(2 * np.pi * hz * time), (2, 1)).astype(np.float32)


def _cut(audio: Audio, cuts: list[int]) -> list[Audio]:
    return np.split(audio, sorted(cuts), axis=-1)


@given(samples=st.integers(0, 50), size=st.integers(1, 9), cuts=CUTS)
def test_reblocking_keeps_every_sample_in_blocks_of_one_size(samples: int, size: int, cuts: list[int]) -> None:
    audio = np.arange(2 * samples, dtype=np.float32).reshape(2, samples)
    even = Reblocker(size)
    blocks = [block for part in _cut(audio, [cut % (samples + 1) for cut in cuts]) for block in even.cut(part)]
    assert {block.shape[1] for block in blocks} <= {size}
    rest = list(even.rest())
    assert all(0 < block.shape[1] < size for block in rest)
    np.testing.assert_array_equal(np.concatenate([*blocks, *rest, audio[:, :0]], axis=1), audio)


def test_blocks_are_independent_of_the_source_memory() -> None:
    even, audio = Reblocker(4), np.ones((1, 3), np.float32)
    assert list(even.cut(audio)) == []
    audio[:] = 9.0
    np.testing.assert_array_equal(next(even.rest()), np.ones((1, 3)))


@settings(deadline=None, max_examples=40)
@given(
    rate=st.sampled_from((8000, 44100)),
    channels=st.sampled_from((1, 2, 8)),
    samples=st.integers(1, 30_000),
    cuts=CUTS,
)
def test_features_do_not_depend_on_the_blocks(rate: int, channels: int, samples: int, cuts: list[int]) -> None:
    audio = _noise(samples, samples, channels)
    meter = FeatureMeter(rate)
    for part in _cut(audio, cuts):
        meter.add(part)
    assert meter.result() == _measured(audio, rate)


@settings(deadline=None, max_examples=20)
@given(gain_db=st.floats(-60, 60), seed=st.integers(0, 99))
def test_features_do_not_depend_on_the_loudness(gain_db: float, seed: int) -> None:
    audio = _noise(seed, 30_000) * np.linspace(0.1, 1, 30_000, dtype=np.float32)
    louder = audio * np.float32(10 ** (gain_db / 20))
    assert _measured(louder, 8000).features == pytest.approx(_measured(audio, 8000).features, abs=0.001)


@pytest.mark.parametrize("rate", RATES)
def test_tone_has_the_same_features_at_every_rate(rate: int) -> None:
    features = _measured(_tone(1000.0, rate), rate).features
    assert tuple(features) == FEATURES
    assert features["band_1000"] == pytest.approx(0.0, abs=0.2)
    assert features["crest"] == pytest.approx(3.01, abs=0.02)
    assert features["dynamics"] == pytest.approx(0.0, abs=0.15)
    assert features["tonality"] < -7
    assert features["width"] == -30  # the narrowest value
    assert features["pulse"] < -12


def test_noise_has_the_features_of_noise() -> None:
    features = _measured(_noise(1, 10 * 44100), 44100).features
    levels = [features[f"band_{centre}"] for centre in BANDS_HZ]
    # white noise: each third of an octave has 1 dB more than the one below
    assert np.diff(levels[8:]) == pytest.approx(np.ones(len(levels) - 9), abs=0.3)
    assert sum(10 ** (level / 10) for level in levels) == pytest.approx(1.0)
    assert features["tonality"] == pytest.approx(-1.2, abs=0.2)  # of two channels' power: chi-squared, 4 degrees
    assert features["width"] == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("rate", [22050, 48000, 96000])
def test_features_change_little_with_the_rate(rate: int) -> None:
    audio = resample(_noise(2, 3 * 16000), 16000, 44100)
    expected, resampled = _measured(audio, 44100).features, _measured(resample(audio, 44100, rate), rate).features
    assert resampled == pytest.approx(expected, abs=0.8)


def test_bands_above_the_rate_of_the_model_are_empty() -> None:
    features = _measured(_noise(3, 88200), 44100, heard_rate=16000).features
    assert features["band_10000"] == features["band_12500"] == -60
    narrow = _measured(resample(_noise(3, 88200), 44100, 16000), 16000).features
    assert features["band_5000"] == pytest.approx(narrow["band_5000"], abs=0.3)


def test_beats_have_pulse_and_separate_channels_have_width() -> None:
    noise = _noise(4, 88200)
    beats = noise * (np.arange(88200) % 22050 < 2000)
    steady, beating = _measured(noise, 44100).features, _measured(beats, 44100).features
    for name in ("crest", "dynamics", "pulse"):
        assert beating[name] > steady[name] + 3
    assert _measured(np.stack([noise[0], -noise[0]]), 44100).features["width"] == 30
    near = np.stack([noise[0], noise[0] + 0.1 * noise[1]])
    assert _measured(near, 44100).features["width"] == pytest.approx(20 * math.log10(0.05), abs=0.2)


def test_change_between_two_blocks_counts() -> None:
    steps = np.repeat([0.5, 0.05], block_samples(8000))[None].astype(np.float32)
    # once from 0.5 to 0.05, over 16 frames of each
    assert _measured(steps, 8000).features["pulse"] == pytest.approx(10 * math.log10(0.45 / (16 * 0.55)), abs=0.01)


def test_features_show_the_cut_of_an_mp3() -> None:
    whole = _noise(5, 5 * 44100)
    cut_off = resample(resample(whole, 44100, 30000), 30000, 44100)
    high, low = _measured(whole, 44100).high_db, _measured(cut_off, 44100).high_db
    assert high == pytest.approx(10 * math.log10((22050 - 17000) / 22050), abs=0.1)
    assert low is not None
    assert low < -85
    assert _measured(whole, 32000).high_db is None


@pytest.mark.parametrize("audio", [np.zeros((2, 0)), np.zeros((2, 70_000)), np.full((1, 9), 1e-8)])
def test_silence_has_no_features(audio: Audio) -> None:
    assert _measured(audio.astype(np.float32), 44100).features == {}


@pytest.mark.parametrize("rate", [1, 100, 8000, 768_000])
@pytest.mark.parametrize("samples", [1, 5000])
def test_shortest_recordings_have_finite_features(rate: int, samples: int) -> None:
    features = _measured(_noise(6, samples, 3), rate).features
    assert tuple(features) == FEATURES
    assert all(math.isfinite(value) for value in features.values())


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_features_are_finite_for_any_samples(values: list[float]) -> None:
    measured = _measured(np.array([values, values[::-1]], np.float32), 44100)
    assert all(math.isfinite(value) for value in measured.features.values())
    assert math.isfinite(measured.high_db or 0.0)


def test_nan_and_infinite_samples_are_replaced() -> None:
    wild = np.array([[0.5, math.nan, math.inf, -math.inf, 1e30]], np.float32)
    np.testing.assert_array_equal(limit_samples(wild), np.array([[0.5, 0, LOUDEST, -LOUDEST, LOUDEST]], np.float32))
    sane = np.array([[1.5, -2.0]], np.float32)
    assert limit_samples(sane) is sane


def test_frames_have_the_same_length_at_every_rate() -> None:
    assert frame_samples(44100) == 4096
    assert block_samples(44100) == 1 << 16
    for rate in RATES:
        assert frame_samples(rate) / rate == pytest.approx(4096 / 44100, rel=0.03)
