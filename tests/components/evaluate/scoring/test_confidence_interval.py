"""The bootstrap interval of a median."""

import numpy as np
import pytest

from components.evaluate.scoring.confidence_interval import median_interval


def test_about_nineteen_of_twenty_intervals_hold_the_true_median() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        low, high = median_interval(random.normal(3.0, 2.0, 50))
        held += low <= 3.0 <= high
    assert 180 <= held <= 199


def test_the_bounds_are_values_that_medians_can_take_and_repeat() -> None:
    values = np.arange(25.0)
    low, high = median_interval(values)
    assert (low, high) == median_interval(values)
    assert low < np.median(values) < high
    # order statistics: 25 tracks, about ±5 places
    assert (low, high) == pytest.approx((7, 17), abs=1)


def test_tracks_without_a_score_are_left_out() -> None:
    assert median_interval(np.array([1.0, np.nan, 2.0, 3.0])) == median_interval(np.array([1.0, 2.0, 3.0]))
    assert np.isnan(median_interval(np.array([np.nan]))).all()
    assert median_interval(np.array([4.0])) == (4.0, 4.0)
