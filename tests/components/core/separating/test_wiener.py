"""The multichannel Wiener filter, compared with norbert as the reference, and alone."""

import norbert
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from components.core.separating.wiener import wiener_filter

Spectra = NDArray[np.complex128]
EPS = float(np.finfo(np.float32).eps)


def _music(seed: int, stems: int, channels: int, level: float, bins: int = 17, frames: int = 24) -> Spectra:
    """Return spectra `(stems, channels, bins, frames)` whose levels span decades, as in music."""
    random = np.random.default_rng(seed)
    shape = (stems, channels, bins, frames)
    level_of_bin = random.exponential(size=(stems, 1, bins, frames)) ** 1.5
    signs = random.standard_normal(shape) + 1j * random.standard_normal(shape)
    return np.asarray(level * level_of_bin * signs)


def _estimates(seed: int, stems: Spectra, level: float) -> Spectra:
    """Return poor estimates of the stems: each at a wrong level, with noise from the others."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal(stems.shape) + 1j * random.standard_normal(stems.shape)
    return np.asarray(random.uniform(0.3, 1.2, stems.shape) * stems + 0.2 * level * noise)


def _norbert(estimates: Spectra, mixture: Spectra, iterations: int, eps: float = EPS) -> Spectra:
    """Filter one item in double precision, with single precision's ε: `norbert.wiener` from its first estimates on.

    norbert scales to a peak of 10 only what is louder.
    """
    scale = float(np.abs(mixture).max()) / 10
    # norbert's order is (frames, bins, channels, stems), and it works in place
    result, _, _ = norbert.expectation_maximization(
        estimates.transpose(3, 2, 1, 0) / scale, mixture.transpose(2, 1, 0) / scale, iterations, eps=eps
    )
    return np.asarray(result.transpose(3, 2, 1, 0) * scale)


def _tensor(*spectra: Spectra) -> Tensor:
    """Return a batch of items in single precision."""
    return torch.from_numpy(np.stack(spectra).astype(np.complex64))


def _relative(found: Tensor, expected: Spectra) -> float:
    return float(np.abs(found.numpy() - expected).max() / np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize("iterations", [1, 2, 3])
@pytest.mark.parametrize("stems", [2, 4])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("level", [1e-4, 1e-2, 1.0, 100.0])
def test_filter_equals_norbert(channels: int, stems: int, iterations: int, level: float) -> None:
    """The highest level is the one at which norbert itself scales the mixture."""
    true = _music(5, stems, channels, level)
    mixture = true.sum(axis=0)
    estimates = _estimates(6, true, level)
    expected = _norbert(estimates, mixture, iterations)
    found = wiener_filter(_tensor(estimates), _tensor(mixture), iterations)
    assert found.dtype == torch.complex64
    assert found.shape == (1, stems, channels, 17, 24)
    # an iteration multiplies the rounding errors of the one before
    assert _relative(found[0], expected) < 1e-5 * 10**iterations
    # each iteration changes the estimates
    assert _relative(found[0], estimates) > 0.05
    assert _relative(found[0], _norbert(estimates, mixture, iterations + 1)) > 1e-2


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_filter_in_double_precision_equals_norbert_exactly(channels: int) -> None:
    true = _music(5, 4, channels, 100.0)
    mixture = true.sum(axis=0)
    estimates = _estimates(6, true, 100.0)
    found = wiener_filter(torch.from_numpy(estimates[None]), torch.from_numpy(mixture[None]), 3)[0]
    assert _relative(found, _norbert(estimates, mixture, 3, float(np.finfo(np.float64).eps))) < 1e-8


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_batch_items_do_not_affect_each_other(channels: int) -> None:
    levels = (1e-3, 1.0, 300.0)
    music = [_music(number, 3, channels, level) for number, level in enumerate(levels)]
    estimates = [_estimates(10, true, level) for true, level in zip(music, levels, strict=True)]
    together = wiener_filter(_tensor(*estimates), _tensor(*(true.sum(axis=0) for true in music)), 2)
    for found, guess, true in zip(together, estimates, music, strict=True):
        assert _relative(found, _norbert(guess, true.sum(axis=0), 2)) < 1e-3
        alone = wiener_filter(_tensor(guess), _tensor(true.sum(axis=0)), 2)[0]
        assert torch.allclose(found, alone, rtol=1e-4, atol=1e-5 * float(alone.abs().max()))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    channels=st.sampled_from([1, 2]),
    stems=st.integers(2, 5),
    level=st.floats(1e-4, 1000),
)
def test_stems_add_up_to_the_mixture(seed: int, channels: int, stems: int, level: float) -> None:
    true = _music(seed, stems, channels, level)
    mixture = true.sum(axis=0)
    found = wiener_filter(_tensor(_estimates(seed + 1, true, level)), _tensor(mixture), 1)[0].sum(dim=0)
    missing = np.abs(found.numpy() - mixture) ** 2
    assert missing.sum() < 1e-3 * (np.abs(mixture) ** 2).sum()


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("decibels", [-60, -40, 20])
def test_filter_does_the_same_at_every_level(channels: int, decibels: float) -> None:
    true, gain = _music(5, 3, channels, 100.0), 10 ** (decibels / 20)
    estimates, mixture = _tensor(_estimates(6, true, 100.0)), _tensor(true.sum(axis=0))
    loud = wiener_filter(estimates, mixture, 2)
    assert _relative(wiener_filter(gain * estimates, gain * mixture, 2) / gain, loud.numpy()) < 1e-3


@pytest.mark.parametrize("channels", [1, 2])
def test_loud_estimates_of_an_almost_silent_mixture_stay_finite(channels: int) -> None:
    estimates, mixture = _tensor(_music(0, 2, channels, 100.0)), _tensor(_music(1, 2, channels, 1e-7).sum(axis=0))
    assert torch.isfinite(wiener_filter(estimates, mixture, 2)).all()


def test_filter_improves_estimates() -> None:
    """Two stems from different directions; each estimate contains a third of the other."""
    panning = np.array([[1.0, 0.2], [0.3, 1.0]])[..., None, None]
    true = panning * _music(1, 2, 1, 1.0)
    mixture = true.sum(axis=0)
    estimates = true + 0.3 * true[::-1]
    found = wiener_filter(_tensor(estimates), _tensor(mixture), 2)[0].numpy()
    assert (np.abs(found - true) ** 2).sum() < 0.25 * (np.abs(estimates - true) ** 2).sum()


@pytest.mark.parametrize("level", [1e-3, 1.0, 1000.0])
@pytest.mark.parametrize("too_loud", [1, 3, 30])
def test_equal_channels_give_finite_stems(level: float, too_loud: float) -> None:
    """The covariances can be inverted only because a constant is added: in single precision they round to 0."""
    true = _music(1, 2, 1, level, 65, 80).repeat(2, axis=1)
    mixture = true.sum(axis=0)
    found = wiener_filter(_tensor(too_loud * true), _tensor(mixture), 1)[0]
    assert torch.isfinite(found).all()
    if too_loud == 1:
        assert _relative(found, _norbert(true, mixture, 1)) < 0.1


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_silence_is_filtered_into_silence(channels: int) -> None:
    silence = torch.zeros(2, 3, channels, 5, 4, dtype=torch.complex64)
    assert not wiener_filter(silence, silence[:, 0], 2).any()
    # zero estimates give zero stems, as in norbert
    mixture = _tensor(*_music(0, 2, channels, 1.0, 5, 4))
    assert not wiener_filter(silence, mixture, 1).any()


def test_filter_leaves_its_arguments_unchanged() -> None:
    estimates, mixture = _tensor(_music(0, 2, 2, 100.0)), _tensor(_music(1, 1, 2, 100.0)[0])
    before = estimates.clone(), mixture.clone()
    wiener_filter(estimates, mixture, 2)
    assert torch.equal(estimates, before[0])
    assert torch.equal(mixture, before[1])
