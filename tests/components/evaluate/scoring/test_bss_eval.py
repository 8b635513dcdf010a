"""Our BSS Eval v4 equals museval wherever the scores are well defined."""

import warnings
from collections.abc import Callable
from pathlib import Path

import museval
import numpy as np
import pytest
import stempeg
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.core.sound import decoding
from components.core.sound.decoding import Audio
from components.evaluate.scoring.bss_eval import TAPS, SingularError, evaluate
from tests.components.evaluate.evaluate_music import noise

WINDOW = 22050
SHARED = Path(__file__).parents[4].parent / "shared" / "musdb18-7" / "test"
SHORT = 48  # taps; museval is slow with 512
_EXACT = 100.0  # dB; rounding decides higher scores


def score_with_museval(
    references: Audio, estimates: Audio, window: int = WINDOW, taps: int = TAPS
) -> NDArray[np.float64]:
    signals = (signals.transpose(0, 2, 1).astype(np.float64) for signals in (references, estimates))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sdr, isr, sir, sar, _ = museval.metrics.bss_eval(*signals, window=window, hop=window, filters_len=taps)
    return np.stack([sdr, sir, sar, isr], axis=1)


def assert_equal(
    references: Audio, estimates: Audio, window: int = WINDOW, taps: int = TAPS, atol: float = 1e-6
) -> None:
    found, wanted = (
        evaluate(references, estimates, window, taps),
        score_with_museval(references, estimates, window, taps),
    )
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    np.testing.assert_array_equal(np.isposinf(found), np.isposinf(wanted))
    sure = np.isfinite(wanted) & (wanted < _EXACT)
    np.testing.assert_allclose(found[sure], wanted[sure], rtol=0, atol=atol)
    assert (found[np.isfinite(found) & ~sure] > _EXACT - 10).all()


def mix_estimates(references: Audio, leakage: float = 0.2, level: float = 0.02) -> Audio:
    """Return estimates with leakage from every other target, and noise."""
    random = np.random.default_rng(7919)  # independent of the references
    noises = level * random.standard_normal(references.shape)
    estimates: Audio = (references + leakage * references.sum(axis=0) + noises).astype(np.float32)
    return estimates


@pytest.fixture(scope="module")
def excerpt() -> Audio:
    """Vocals, drums, bass and other of the real excerpt, `(4, 2, samples)`, in some noise.

    Coded music has empty bands, in which the filters are not determined (docs/decisions/0013-bss-eval.md). Noise fills
    them.
    """
    path = Path(stempeg.example_stem_path())
    stems = [decoding.read_audio(path, stream)[0] for stream in (4, 1, 2, 3)]
    music = np.stack([stem[:, : 2 * 44100] for stem in stems])
    return (music + 1e-2 * np.random.default_rng(0).standard_normal(music.shape)).astype(np.float32)


@pytest.mark.slow
def test_scores_of_stereo_music_equal_museval(excerpt: Audio) -> None:
    references = np.stack([excerpt[0], excerpt[1:].sum(axis=0)])
    assert_equal(references, mix_estimates(references), 44100)


@pytest.mark.slow
def test_scores_of_four_stems_equal_museval(excerpt: Audio) -> None:
    references = excerpt[:, :1]
    assert_equal(references, mix_estimates(references), 44100)


CASES: dict[str, Callable[[Audio], Audio]] = {
    "clipped": lambda references: np.clip(3 * mix_estimates(references), -0.5, 0.5),
    "near copy": lambda references: mix_estimates(references, 0.0, 1e-6),
    "copy": np.copy,
    "the mixture": lambda references: (
        np.broadcast_to(references.sum(axis=0), references.shape) + mix_estimates(0 * references)
    ),
    "swapped channels": lambda references: mix_estimates(references)[:, ::-1].copy(),
    "delayed": lambda references: np.roll(mix_estimates(references), 300, axis=-1),
    "inverted": lambda references: -mix_estimates(references),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("channels", [1, 2])
def test_scores_of_odd_estimates_equal_museval(case: str, channels: int) -> None:
    references = np.stack([noise(0, 1.2, channels), noise(1, 1.2, channels)])
    assert_equal(references, CASES[case](references).astype(np.float32), taps=SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("targets", [1, 2, 4, 5])
def test_scores_of_any_number_of_targets_equal_museval(targets: int, channels: int) -> None:
    references = np.stack([noise(seed, 0.6, channels) for seed in range(targets)])
    assert_equal(references, mix_estimates(references), taps=SHORT)


def mono_signal(seed: int) -> Audio:
    return np.repeat(noise(seed, 0.6, 1), 2, axis=0)


def pan(signal: Audio, level: float) -> Audio:
    return signal * np.array([[1.0], [level]], np.float32)


SINGULAR = {
    "a target is mono": [mono_signal(0), noise(1, 0.6)],
    "both are mono": [mono_signal(0), mono_signal(1)],
    "a channel is half of the other": [pan(mono_signal(0), 0.5), noise(1, 0.6)],
    "a channel is silent": [pan(noise(0, 0.6), 0.0), noise(1, 0.6)],
    "a loud target is mono, the other hardly there": [mono_signal(0), np.float32(1e-7) * noise(1, 0.6)],
}


@pytest.mark.parametrize("case", SINGULAR)
def test_scores_of_dependent_channels_equal_museval(case: str) -> None:
    """One in four tracks of MUSDB18 has a mono stem in a stereo file."""
    references = np.stack(SINGULAR[case])
    level = np.abs(references).max(axis=(1, 2), keepdims=True)
    noises = np.stack([noise(8, 0.6), noise(9, 0.6)])
    assert_equal(references, references + np.float32(0.3) * level * noises, taps=SHORT)


def test_copied_target_raises_an_error() -> None:
    references = np.stack([noise(0, 0.2), noise(1, 0.2), noise(0, 0.2)])
    with pytest.raises(SingularError):
        evaluate(references, mix_estimates(references), 4410)


def test_silent_frames_are_nan() -> None:
    references = np.stack([noise(0, 2.0), noise(1, 2.0)])
    references[0, :, WINDOW : 2 * WINDOW] = 0
    estimates = mix_estimates(references)
    estimates[1, :, 3 * WINDOW :] = 0
    assert_equal(references, estimates, taps=SHORT)
    assert np.isnan(evaluate(references, estimates, WINDOW, SHORT)).all(axis=(0, 1)).tolist() == [
        False,
        True,
        False,
        True,
    ]


def test_channels_that_cancel_are_silent_as_in_museval() -> None:
    references = np.stack([noise(0, 1.0), noise(1, 1.0)])
    estimates = mix_estimates(references)
    estimates[0, 1, :WINDOW] = -estimates[0, 0, :WINDOW]
    assert_equal(references, estimates, taps=SHORT)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000), targets=st.integers(2, 4), channels=st.integers(1, 2), samples=st.integers(700, 4000),
    window=st.integers(100, 5000), taps=st.integers(1, 40), level=st.sampled_from([1e-3, 1.0]), silent=st.booleans(),
)  # fmt: skip
def test_scores_of_any_signals_equal_museval(
    seed: int, targets: int, channels: int, samples: int, window: int, taps: int, level: float, silent: bool
) -> None:
    random = np.random.default_rng(seed)
    references = (level * random.standard_normal((targets, channels, samples))).astype(np.float32)
    estimates = mix_estimates(references, 0.3, 0.1 * level)
    if silent:
        first = random.integers(0, samples // 2)
        (references if seed % 2 else estimates)[seed % targets, :, first : first + samples // 2] = 0
    assert_equal(references, estimates, window, taps)


@pytest.mark.parametrize("samples", [300, 1200])
def test_scores_of_very_short_tracks_equal_museval(samples: int) -> None:
    references = np.stack([noise(0, samples / 44100, 1), noise(1, samples / 44100, 1)])
    assert_equal(references, mix_estimates(references), 1300, taps=SHORT if samples < TAPS else TAPS)
    assert evaluate(references, mix_estimates(references), 1300).shape == (2, 4, 1)


@settings(max_examples=10, deadline=None)
@given(gain=st.sampled_from([2.0**-8, 0.5, -1.0, 2.0**8]), seed=st.integers(0, 99))
def test_level_of_an_estimate_changes_neither_sir_nor_sar(gain: float, seed: int) -> None:
    references = np.stack([noise(seed, 0.2, 1), noise(seed + 1, 0.2, 1)])
    estimates = mix_estimates(references)
    plain, scaled = (evaluate(references, np.float32(scale) * estimates, 4410, SHORT) for scale in (1.0, gain))
    np.testing.assert_allclose(plain[:, 1:3], scaled[:, 1:3], rtol=0, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), order=st.permutations(range(3)))
def test_scores_follow_the_order_of_targets(seed: int, order: list[int]) -> None:
    references = np.stack([noise(seed + target, 0.2) for target in range(3)])
    estimates = mix_estimates(references)
    plain = evaluate(references, estimates, 4410, SHORT)
    moved = evaluate(references[order][:, ::-1], estimates[order][:, ::-1], 4410, SHORT)
    np.testing.assert_allclose(moved, plain[order], rtol=0, atol=1e-9)


def musdb_stems(path: Path) -> Audio:
    """Return mixture, drums, bass, other and vocals, `(5, 2, samples)`, rounded to 16 bits as in `evaluate`."""
    stems = [np.rint(decoding.read_audio(path, stream)[0] * 32768) / 32768 for stream in range(5)]
    samples = min(stem.shape[1] for stem in stems)
    return np.stack([stem[:, :samples] for stem in stems]).astype(np.float32)


@pytest.mark.slow
def test_scores_of_mono_vocals_in_stereo_equal_museval() -> None:
    tracks = sorted(SHARED.glob("Hollow Ground*.mp4"))
    if not tracks:
        pytest.skip("shared/musdb18-7 is not here")
    mixture, drums, bass, other, vocals = musdb_stems(tracks[0])
    assert np.array_equal(vocals[0], vocals[1])
    references = np.stack([vocals, drums + bass + other])
    noises = 0.02 * np.random.default_rng(0).standard_normal(references.shape)
    assert_equal(references, (0.8 * references + 0.2 * mixture + noises).astype(np.float32), 44100, atol=1e-4)


@pytest.mark.slow
def test_scores_of_coded_tracks_are_near_museval() -> None:
    """Band-limited music does not determine the filters fully; the medians still agree within 0.01 dB."""
    tracks = sorted(SHARED.glob("*.mp4"))[:2]
    if not tracks:
        pytest.skip("shared/musdb18-7 is not here")
    for path in tracks:
        mixture, drums, bass, other, vocals = musdb_stems(path)
        references = np.stack([vocals, drums + bass + other])
        estimates = (0.7 * references + 0.3 * mixture).astype(np.float32)
        found, wanted = evaluate(references, estimates, 44100), score_with_museval(references, estimates, 44100)
        sure = np.isfinite(wanted) & (wanted < 60)
        assert np.abs(found[:, 0] - wanted[:, 0]).max() < 1e-9  # SDR needs no filters
        assert np.abs(found[sure] - wanted[sure]).max() < 0.05
