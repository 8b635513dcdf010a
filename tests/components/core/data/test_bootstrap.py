"""Confidence intervals over tracks."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from components.core.data.bootstrap import Values, mean_interval, mean_lower_bound, median_interval

Interval = Callable[[Values], tuple[float, float]]

median_95: Interval = partial(median_interval, confidence=0.95, resamples=10_000, seed=7)
mean_95: Interval = partial(mean_interval, confidence=0.95, resamples=10_000, seed=7)


@pytest.mark.slow
def test_median_interval_contains_the_true_median_at_95_percent() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        low, high = median_95(random.normal(3.0, 2.0, 50))
        held += low <= 3.0 <= high
    assert 180 <= held <= 199


def test_median_bounds_are_repeatable_order_statistics() -> None:
    values = np.arange(25.0)
    low, high = median_95(values)
    assert (low, high) == median_95(values)
    assert low < np.median(values) < high
    assert (low, high) == pytest.approx((7, 17), abs=1)  # with 25 tracks, about 5 ranks from the middle


def test_single_value_has_an_interval_of_no_width() -> None:
    assert median_95(np.array([4.0])) == (4.0, 4.0)


def test_mean_interval_equals_scipy() -> None:
    values = np.random.default_rng(5).gamma(1.0, 2.0, 20)
    expected = stats.bootstrap((values,), np.mean, n_resamples=10_000, method="BCa", rng=np.random.default_rng(1))
    np.testing.assert_allclose(mean_95(values), expected.confidence_interval, atol=0.06)


@pytest.mark.parametrize("values", [[0.0] * 3, [8.0 - 2.4687674656821006] * 3, [0.1 + 0.2, 0.3, 0.3]])
def test_equal_values_have_an_interval_of_no_width(values: list[float]) -> None:
    bounds = *mean_95(np.array(values)), mean_lower_bound(np.array(values), 0.95, 1000, 7)
    assert bounds == pytest.approx((values[0],) * 3, abs=1e-12)


@pytest.mark.parametrize(("interval", "truth"), [(mean_interval, 1.0), (median_interval, np.log(2))])
def test_intervals_contain_the_truth_at_the_stated_rate(interval: Callable[..., object], truth: float) -> None:
    """300 samples of 25 values of an exponential distribution, which is as skewed as the most skewed scores."""
    random = np.random.default_rng(2)
    bounds = np.array([interval(random.exponential(1.0, 25), 0.95, 1000, 7) for _ in range(300)])
    assert 0.89 < ((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean() < 0.99


@settings(deadline=None, max_examples=40)
@given(values=st.lists(st.floats(-20, 20), min_size=2, max_size=30))
def test_intervals_change_sign_with_the_values(values: list[float]) -> None:
    low, high = mean_95(np.array(values))
    assert (-high, -low) == pytest.approx(mean_95(-np.array(values)), abs=1e-9)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("confidence", [0.95, 0.9999])
def test_lower_bound_of_very_few_tracks_is_the_worst_track(count: int, confidence: float) -> None:
    """The tails are so wide that no resample lies beyond the bound."""
    values = np.linspace(-1, 1, count)
    bound = mean_lower_bound(values, confidence, 10_000, 7)
    assert values.min() <= bound < values.mean()
    if count == 2 or confidence > 0.99:
        assert bound == values.min()
