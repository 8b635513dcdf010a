"""Our BSS Eval v4 against museval's: the same numbers wherever the problem has one answer."""

import warnings
from collections.abc import Callable
from pathlib import Path

import museval
import numpy as np
import pytest
import stempeg
from evaluate_music import noise
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.core import audio
from components.core.audio import Audio
from components.evaluate.bss_eval import evaluate

WINDOW = 22050
SHARED = Path(__file__).parents[3].parent / "shared" / "musdb18-7" / "test"
_EXACT = 100.0  # dB; what is better than this is decided by rounding


def by_museval(references: Audio, estimates: Audio, window: int = WINDOW) -> NDArray[np.float64]:
    signals = (signals.transpose(0, 2, 1).astype(np.float64) for signals in (references, estimates))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sdr, isr, sir, sar = museval.evaluate(*signals, win=window, hop=window, mode="v4")
    return np.stack([sdr, sir, sar, isr], axis=1)


def assert_equal(references: Audio, estimates: Audio, window: int = WINDOW, atol: float = 1e-6) -> None:
    found, wanted = evaluate(references, estimates, window), by_museval(references, estimates, window)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    sure = np.isfinite(wanted) & (wanted < _EXACT)
    np.testing.assert_allclose(found[sure], wanted[sure], rtol=0, atol=atol)
    assert (found[np.isfinite(found) & ~sure] > _EXACT - 10).all()


def mixed(references: Audio, leakage: float = 0.2, level: float = 0.02) -> Audio:
    """Estimates with something of every other target in them, and noise."""
    random = np.random.default_rng(1)
    noises = level * random.standard_normal(references.shape)
    return (references + leakage * references.sum(axis=0) + noises).astype(np.float32)


@pytest.fixture(scope="module")
def excerpt() -> Audio:
    """Vocals, drums, bass and other of the real excerpt, `(4, 2, samples)`, in some noise.

    Music that was coded has empty bands, in which filters are not determined (docs/decisions/0013); noise fills them.
    """
    path = Path(stempeg.example_stem_path())
    stems = [audio.read(path, stream)[0] for stream in (4, 1, 2, 3)]
    samples = min(stem.shape[1] for stem in stems)
    music = np.stack([stem[:, :samples] for stem in stems])
    return (music + 1e-2 * np.random.default_rng(0).standard_normal(music.shape)).astype(np.float32)


@pytest.mark.parametrize("targets", [2, 4])
def test_real_music(excerpt: Audio, targets: int) -> None:
    references = excerpt if targets == 4 else np.stack([excerpt[0], excerpt[1:].sum(axis=0)])
    assert_equal(references[..., : 3 * 44100], mixed(references)[..., : 3 * 44100], 44100)


CASES: dict[str, Callable[[Audio], Audio]] = {
    "clipped": lambda references: np.clip(3 * mixed(references), -0.5, 0.5),
    "near copy": lambda references: mixed(references, 0.0, 1e-3),
    "the mixture": lambda references: np.broadcast_to(references.sum(axis=0), references.shape) + mixed(0 * references),
    "swapped channels": lambda references: mixed(references)[:, ::-1].copy(),
    "delayed": lambda references: np.roll(mixed(references), 300, axis=-1),
    "inverted": lambda references: -mixed(references),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("channels", [1, 2])
def test_odd_estimates(case: str, channels: int) -> None:
    references = np.stack([noise(0, 1.2, channels), noise(1, 1.2, channels)])
    assert_equal(references, CASES[case](references).astype(np.float32))


@pytest.mark.parametrize("targets", [1, 3, 5])
def test_any_number_of_targets(targets: int) -> None:
    references = np.stack([noise(seed, 0.6, 1) for seed in range(targets)])
    assert_equal(references, mixed(references))


def test_silence_within_a_track_is_nan_where_it_is() -> None:
    references = np.stack([noise(0, 2.0), noise(1, 2.0)])
    references[0, :, WINDOW : 2 * WINDOW] = 0
    estimates = mixed(references)
    estimates[1, :, 3 * WINDOW :] = 0
    assert_equal(references, estimates)
    assert np.isnan(evaluate(references, estimates, WINDOW)).all(axis=(0, 1)).tolist() == [False, True, False, True]


def test_channels_that_cancel_are_silent_for_museval_too() -> None:
    references = np.stack([noise(0, 1.0), noise(1, 1.0)])
    estimates = mixed(references)
    estimates[0, 1, :WINDOW] = -estimates[0, 0, :WINDOW]
    assert_equal(references, estimates)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000), samples=st.integers(1200, 9000), window=st.integers(600, 5000),
    level=st.sampled_from([1e-3, 1.0]),
)  # fmt: skip
def test_any_length_and_window(seed: int, samples: int, window: int, level: float) -> None:
    random = np.random.default_rng(seed)
    references = (level * random.standard_normal((2, 1, samples))).astype(np.float32)
    assert_equal(references, mixed(references, 0.3, 0.1 * level), window)


@settings(max_examples=10, deadline=None)
@given(gain=st.sampled_from([2.0**-8, 0.5, -1.0, 2.0**8]), seed=st.integers(0, 99))
def test_the_level_of_an_estimate_changes_neither_sir_nor_sar(gain: float, seed: int) -> None:
    references = np.stack([noise(seed, 0.2, 1), noise(seed + 1, 0.2, 1)])
    estimates = mixed(references)
    plain, scaled = (evaluate(references, np.float32(scale) * estimates, 4410) for scale in (1.0, gain))
    np.testing.assert_allclose(plain[:, 1:3], scaled[:, 1:3], atol=1e-4)


@pytest.mark.slow
def test_real_tracks_as_they_are_coded() -> None:
    """Band-limited music leaves a part of the filters undetermined; still the medians agree to a hundredth of a dB."""
    tracks = sorted(SHARED.glob("*.mp4"))[:2]
    if not tracks:
        pytest.skip("shared/musdb18-7 is not here")
    for path in tracks:
        stems = [np.rint(audio.read(path, stream)[0] * 32768) / 32768 for stream in range(5)]
        samples = min(stem.shape[1] for stem in stems)
        mixture, drums, bass, other, vocals = (stem[:, :samples].astype(np.float32) for stem in stems)
        references = np.stack([vocals, drums + bass + other])
        estimates = (0.7 * references + 0.3 * mixture).astype(np.float32)
        found, wanted = evaluate(references, estimates, 44100), by_museval(references, estimates, 44100)
        sure = np.isfinite(wanted) & (wanted < 60)
        assert np.abs(found[:, 0] - wanted[:, 0]).max() < 1e-9  # SDR needs no filters
        assert np.abs(found[sure] - wanted[sure]).max() < 0.05
