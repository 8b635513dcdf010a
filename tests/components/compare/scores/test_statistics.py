"""Paired comparisons of systems that differ, and of systems that do not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from components.compare.scores.statistics import (
    by_track,
    compare_pairs,
    conover,
    friedman,
    holm,
)
from tests.components.compare.made_up_scores import compare_config

CONFIG = compare_config()


def _scores(systems: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "system": name,
                "target": "vocals",
                "metric": "SDR",
                "track": f"track {number:02d}",
                "value": value,
                "among": "two",
            }
            for name, values in systems.items()
            for number, value in enumerate(values)
        ]
    )


def _pair(first: list[float], second: list[float]) -> pd.Series:
    """Return the pair in the requested order, whichever system is better."""
    found = compare_pairs(_scores({"a": np.array(first), "b": np.array(second)}), "vocals", "SDR", CONFIG).iloc[0]
    if found["first"] == "b":
        found[["mean", "median", "low", "high"]] = -found[["mean", "median", "high", "low"]].to_numpy()
    return found


def test_clear_difference_is_found_among_tracks_that_differ_widely() -> None:
    random = np.random.default_rng(0)
    difficulty = random.normal(0, 5, 25)
    better = difficulty + 0.5 + random.normal(0, 0.2, 25)
    scores = _scores({"plain": difficulty, "better": better})
    pair = compare_pairs(scores, "vocals", "SDR", CONFIG).iloc[0]
    assert abs(pair["mean"]) == pytest.approx(0.5, abs=0.1)
    assert pair["low"] * pair["high"] > 0  # the interval is on one side of zero
    assert pair["p"] < 1e-4


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=3, max_size=12))
def test_exchange_of_systems_changes_only_the_sign(values: list[tuple[float, float]]) -> None:
    first, second = (list(column) for column in zip(*values, strict=True))
    one, other = _pair(first, second), _pair(second, first)
    assert one["mean"] == pytest.approx(-other["mean"], abs=1e-9)
    assert one["p"] == pytest.approx(other["p"])
    assert one["low"] == pytest.approx(-other["high"], abs=1e-9)
    assert one["low"] <= one["mean"] + 1e-9
    assert one["mean"] <= one["high"] + 1e-9


def test_pairs_leave_out_missing_tracks_and_infinite_scores() -> None:
    pair = _pair([1.0, 2.0, np.nan, np.inf, 5.0], [0.0, 1.0, 1.0, 1.0, 4.0])
    assert pair["tracks"] == 3
    assert pair["mean"] == pytest.approx(1.0)


def test_equal_systems_have_no_difference() -> None:
    pair = _pair([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (pair["mean"], pair["low"], pair["high"], pair["p"]) == (0, 0, 0, 1)


def test_constant_difference_has_an_interval_of_no_width() -> None:
    pair = _pair([8.0] * 3, [2.4687674656821006] * 3)
    assert pair["low"] == pytest.approx(pair["mean"])
    assert pair["high"] == pytest.approx(pair["mean"])


def test_one_common_track_gives_no_certainty() -> None:
    pair = _pair([1.0, np.nan], [0.0, 1.0])
    assert pair["tracks"] == 1
    assert np.isnan(pair["p"])


@pytest.mark.slow
def test_equal_systems_are_called_different_at_the_stated_rate() -> None:
    """Ten systems that differ by chance alone, 40 times: 5 % of the tests, and 5 % of the families after Holm."""
    random = np.random.default_rng(3)
    single, families, pairs = 0, 0, 0
    for _ in range(40):
        table = {f"s{number}": random.normal(0, 1, 20) for number in range(5)}
        found = compare_pairs(_scores(table), "vocals", "SDR", CONFIG)
        single += int((found["p"] < 0.05).sum())
        families += int((found["p_holm"] < 0.05).any())
        pairs += len(found)
    assert 0.02 < single / pairs < 0.09
    assert families / 40 <= 0.1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_raises_p_values_and_keeps_their_order(values: list[float]) -> None:
    p = np.array(values)
    corrected = holm(p)
    assert (corrected >= p).all()
    assert (corrected <= 1).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()


def test_holm_equals_a_calculation_by_hand() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, np.nan])), [0.03, 0.06, 0.06, np.nan])


def test_friedman_finds_a_better_system_among_equal_ones() -> None:
    random = np.random.default_rng(6)
    alike = {f"s{number}": random.normal(0, 1, 25) for number in range(4)}
    assert friedman(_scores(alike), "vocals", "SDR")[0] > 0.05
    p, tracks = friedman(_scores({**alike, "better": 2 + random.normal(0, 1, 25)}), "vocals", "SDR")
    assert p < 1e-4
    assert tracks == 25
    assert np.isnan(friedman(_scores({"a": np.ones(5), "b": np.ones(5)}), "vocals", "SDR")[0])


def test_ranking_begins_with_the_best_median() -> None:
    assert list(by_track(_scores({"low": np.zeros(3), "high": np.ones(3)}), "vocals", "SDR")) == ["high", "low"]


def test_floor_does_not_change_the_corrections_of_others() -> None:
    """A floor that is clearly worse than all systems must not change the corrected p-values of the others."""
    random = np.random.default_rng(8)
    trained = {f"s{number}": random.normal(0, 1, 25) for number in range(3)}
    alone = compare_pairs(_scores(trained), "vocals", "SDR", CONFIG)
    both = compare_pairs(_scores({**trained, "mixture": random.normal(-9, 1, 25)}), "vocals", "SDR", CONFIG)
    of_trained = both[(both["first"] != "mixture") & (both["second"] != "mixture")]
    np.testing.assert_allclose(of_trained["p_holm"], alone["p_holm"])
    np.testing.assert_allclose(of_trained["p_conover"], alone["p_conover"])


def test_conover_equals_a_calculation_by_hand() -> None:
    """Three systems on four tracks with rank sums of 5, 7 and 12: Σr² = 56, t = |Rᵢ − Rⱼ| / √(2 (4 · 56 − 218) / 6)."""
    table = pd.DataFrame({"a": [1.0, 1, 1, 2], "b": [2.0, 2, 2, 1], "c": [3.0, 3, 3, 3]})
    t = np.array([2, 7, 5]) / np.sqrt(2 * (4 * 56 - 218) / 6)
    np.testing.assert_allclose(conover(table), 2 * stats.t.sf(t, 6))


def test_conover_is_certain_when_all_tracks_agree() -> None:
    same = pd.DataFrame({"a": [1.0, 2, 3], "b": [2.0, 3, 4], "c": [3.0, 4, 5]})
    assert conover(same).tolist() == [0, 0, 0]
    assert conover(same * 0).tolist() == [1, 1, 1]
    assert np.isnan(conover(same[["a", "b"]])).all()
