"""The augmentation of a stem: each change does its own work and nothing else."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.sound.decoding import Audio
from components.train.config import AugmentConfig
from components.train.crops.augmentation import Warp, draw_warp, limit_band, vary_level_and_channels, warp_stem
from tests.components.train.train_music import augment_config, train_config

RATE = 44100
PLAIN = augment_config(gain_db=0.0, swap_share=0.0, flip_share=0.0)


def _tones(samples: int, *frequencies: float) -> Audio:
    """Return one tone of amplitude 1 per channel."""
    angle = 2 * np.pi * np.arange(samples) / RATE
    return np.stack([np.sin(frequency * angle) for frequency in frequencies]).astype(np.float32)


def _noise(*shape: int) -> Audio:
    return np.random.default_rng(0).uniform(-0.5, 0.5, shape).astype(np.float32)


def _spectrum(audio: Audio) -> NDArray[np.float64]:
    """Return the magnitudes over frequency of one channel, with a fade at the edges."""
    return np.asarray(np.abs(np.fft.rfft(audio * np.hanning(audio.shape[-1]))))


def _peak(audio: Audio) -> float:
    """Return the frequency (Hz) of the strongest tone."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(audio.size), 8 * audio.size))
    return float(spectrum.argmax() * RATE / (8 * audio.size))


def _level(audio: Audio) -> float:
    """Return the level in dB without the edges."""
    inner = audio[..., 4096:-4096].astype(np.float64)
    return float(10 * np.log10((inner**2).mean()))


# tempo and pitch


def test_stem_without_changes_is_returned_unchanged() -> None:
    stem = _noise(2, 3000)
    assert Warp().input_samples(3000) == 3000
    assert warp_stem(stem, Warp(), 3000) is stem


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    samples=st.integers(100, 9000),
    tempo=st.floats(0.7, 1.5),
    pitch=st.floats(0.5, 2.0),
    channels=st.sampled_from([1, 2]),
)
def test_warped_stem_has_the_requested_length(samples: int, tempo: float, pitch: float, channels: int) -> None:
    warp = Warp(tempo, pitch)
    assert samples * tempo <= warp.input_samples(samples) <= samples * tempo + 1 + 2048
    stem = warp_stem(_noise(channels, warp.input_samples(samples)), warp, samples)
    assert stem.shape == (channels, samples)
    assert stem.dtype == np.float32
    assert np.isfinite(stem).all()
    assert np.abs(stem).max() > 0.1


WARPS = [Warp(0.88, 1.0), Warp(1.12, 1.0), Warp(1.0, 2 ** (2 / 12)), Warp(1.0, 2 ** (-2 / 12)), Warp(1.1, 0.9)]


@pytest.mark.parametrize("warp", [*WARPS, Warp(0.6, 2.0), Warp(1.4, 0.5)])
def test_warped_tones_have_their_pitch_at_any_tempo(warp: Warp) -> None:
    samples = 40000
    stem = warp_stem(_tones(warp.input_samples(samples), 440.0, 1000.0), warp, samples)
    for channel, frequency in zip(stem, (440.0, 1000.0), strict=True):
        assert _peak(channel) == pytest.approx(frequency * warp.pitch, rel=1e-3)


@pytest.mark.parametrize("warp", WARPS)
@pytest.mark.parametrize("frequency", [220.0, 457.0, 1003.0, 1500.0])
def test_warped_tones_keep_their_level(warp: Warp, frequency: float) -> None:
    samples = 40000
    stem = warp_stem(_tones(warp.input_samples(samples), frequency), warp, samples)
    assert _level(stem) == pytest.approx(-3.0, abs=1.5)


@pytest.mark.parametrize("warp", WARPS)
def test_warped_events_move_with_the_tempo(warp: Warp) -> None:
    samples = 40000
    needed = warp.input_samples(samples)
    stem = _tones(needed, 440.0, 440.0)
    stem[:, : round(samples * warp.tempo / 2)] *= 0.01  # a tone begins in the middle
    envelope = np.abs(warp_stem(stem, warp, samples)[0])
    onset = int(np.argmax(envelope > 0.25))
    assert onset == pytest.approx(samples / 2, abs=1500)  # a frame of the vocoder is 2048


@pytest.mark.parametrize("warp", WARPS)
def test_warped_stem_sounds_to_its_end(warp: Warp) -> None:
    samples = 40000
    stem = warp_stem(_tones(warp.input_samples(samples), 440.0, 440.0), warp, samples)
    assert np.abs(stem[:, -200:]).max() > 0.3
    assert np.abs(stem[:, :200]).max() > 0.3


def test_channels_are_warped_alike() -> None:
    mono = _noise(1, 14000)
    warp = Warp(1.1, 1.05)
    both = warp_stem(np.concatenate([mono, -mono])[:, : warp.input_samples(10000)], warp, 10000)
    assert both[1] == pytest.approx(-both[0], abs=1e-3)
    assert not warp_stem(np.zeros((2, warp.input_samples(10000)), np.float32), warp, 10000).any()


def test_warps_are_drawn_within_their_limits() -> None:
    augment = augment_config(warp_share=1.0, warp_tempo=0.1, warp_semitones=3.0)
    random = np.random.default_rng(0)
    warps = [draw_warp(augment, random) for _ in range(400)]
    tempos = np.array([warp.tempo for warp in warps])
    semitones = 12 * np.log2([warp.pitch for warp in warps])
    for values, limit in ((tempos - 1, 0.1), (semitones, 3.0)):
        assert -limit <= values.min() < -0.95 * limit
        assert 0.95 * limit < values.max() <= limit
    assert abs(np.corrcoef(tempos, semitones)[0, 1]) < 0.15


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0.0, 0.0), (0.3, 0.22, 0.38), (1.0, 1.0, 1.0)])
def test_warp_share_sets_the_rate_of_warped_stems(share: float, low: float, high: float) -> None:
    random = np.random.default_rng(0)
    augment = augment_config(warp_share=share)
    assert low <= np.mean([draw_warp(augment, random) != Warp() for _ in range(400)]) <= high


# the band


@pytest.mark.parametrize("limit", [2000.0, 8000.0, 16000.0])
@pytest.mark.parametrize("samples", [30011, 32768])
def test_limit_removes_everything_above_and_nothing_below(limit: float, samples: int) -> None:
    stems = _noise(2, samples)
    limited = limit_band(stems, limit, RATE)
    assert limited.shape == stems.shape
    assert limited.dtype == np.float32
    frequency = np.fft.rfftfreq(samples, 1 / RATE)
    for before, after in zip(stems, limited, strict=True):
        whole, kept, difference = _spectrum(before), _spectrum(after), _spectrum(before - after)
        assert kept[frequency > 1.01 * limit].max() < 1e-3 * whole.max()
        assert difference[frequency < 0.95 * limit].max() < 1e-3 * whole.max()
        assert kept[frequency < 0.95 * limit].max() > 0.5 * whole.max()


def test_limit_keeps_a_tone_below_and_removes_one_above() -> None:
    below, above = _tones(44100, 3000.0, 5000.0)
    limited = limit_band((below + above)[None], 4000.0, RATE)[0]
    assert limited[2000:-2000] == pytest.approx(below[2000:-2000], abs=1e-3)
    stacked = limit_band(np.stack([below + above] * 4).reshape(2, 2, -1), 4000.0, RATE)
    assert stacked.reshape(4, -1) == pytest.approx(np.stack([limited] * 4), abs=1e-6)


@pytest.mark.parametrize("limit", [22050.0, 24000.0])
def test_stem_with_the_whole_band_is_unchanged(limit: float) -> None:
    stems = _noise(2, 2, 500)
    assert limit_band(stems, limit, RATE) is stems


def test_augmentation_does_not_change_its_input() -> None:
    stems = _noise(2, 3000)
    before = stems.copy()
    limit_band(stems, 1000.0, RATE)
    vary_level_and_channels(stems, augment_config(flip_share=1.0, swap_share=1.0), np.random.default_rng(0))
    warp_stem(stems, Warp(1.2, 1.1), 2500)
    assert np.array_equal(stems, before)


# level, sign, channels, silence


def _draw_stems(augment: AugmentConfig, count: int = 400) -> NDArray[np.float64]:
    """Return `count` drawings of the stem whose left channel is 1 and whose right is 2, `(count, channels)`."""
    random = np.random.default_rng(0)
    stem = np.array([[1.0], [2.0]], np.float32)
    return np.array([vary_level_and_channels(stem, augment, random)[:, 0] for _ in range(count)], np.float64)


def test_zero_shares_leave_the_stem_unchanged() -> None:
    stem = _noise(2, 100)
    result = vary_level_and_channels(stem, PLAIN, np.random.default_rng(0))
    assert result.dtype == np.float32
    assert np.array_equal(result, stem)


def test_gains_are_uniform_in_decibels() -> None:
    levels = 20 * np.log10(_draw_stems(PLAIN.model_copy(update={"gain_db": 6.0}))[:, 0])
    assert -6.001 <= levels.min() < -5.7
    assert 5.7 < levels.max() <= 6.001
    assert np.quantile(levels, [0.25, 0.5, 0.75]) == pytest.approx([-3, 0, 3], abs=0.8)


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_shares_set_the_rates_of_flips_swaps_and_silence(share: float) -> None:
    flipped = _draw_stems(PLAIN.model_copy(update={"flip_share": share}))
    assert np.mean(flipped[:, 0] < 0) == pytest.approx(share, abs=0.06)
    assert np.array_equal(flipped[:, 1], 2 * flipped[:, 0])
    swapped = _draw_stems(PLAIN.model_copy(update={"swap_share": share}))
    assert np.mean(swapped[:, 0] == 2) == pytest.approx(share, abs=0.06)
    assert (swapped.sum(axis=1) == 3).all()
    silent = _draw_stems(PLAIN.model_copy(update={"silence_share": share}))
    assert np.mean((silent == 0).all(axis=1)) == pytest.approx(share, abs=0.06)
    assert np.isin(silent[:, 0], (0, 1)).all()


def test_changes_are_drawn_independently() -> None:
    drawn = _draw_stems(PLAIN.model_copy(update={"flip_share": 0.5, "swap_share": 0.5, "silence_share": 0.5}), 1000)
    sounding = drawn[drawn[:, 0] != 0]
    assert len(sounding) == pytest.approx(500, abs=60)
    flipped, swapped = sounding[:, 0] < 0, np.abs(sounding[:, 0]) == 2
    assert np.mean(flipped & swapped) == pytest.approx(0.25, abs=0.07)
    assert np.mean(~flipped & ~swapped) == pytest.approx(0.25, abs=0.07)


# parameters


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"silence_share": 1.5}, "train.augment.silence_share: expected a number less than or equal to 1"),
        ({"mixup_share": -0.1}, "train.augment.mixup_share: expected a number greater than or equal to 0"),
        ({"warp_tempo": 0.5}, "train.augment.warp_tempo: expected a number less than 0.5"),
        ({"warp_semitones": 13.0}, "train.augment.warp_semitones: expected a number less than or equal to 12"),
        ({"gain_db": -1.0}, "train.augment.gain_db: expected a number greater than or equal to 0"),
        ({"parts_remix_share": 0.5}, "train.augment.parts_remix_share: no such parameter"),
    ],
)
def test_wrong_augmentation_is_a_user_error(change: dict[str, float], says: str) -> None:
    with pytest.raises(UserError, match=re.escape(says)) as raised:
        train_config(augment=change)
    assert "\n" not in str(raised.value)
