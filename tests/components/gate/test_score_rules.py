"""The rules of the gate on scores whose verdict is known."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.base.errors import UserError
from components.core.base.files import write_json
from components.core.base.params import parse_section
from components.core.data.bootstrap import Values
from components.core.data.evaluation import Evaluation
from components.core.data.score_tables import SCORES
from components.core.release.verdict import Finding
from components.gate.config import GateConfig
from components.gate.score_rules import judge_against_champion, judge_first_champion, lower_bound
from components.gate.scores import read_scores
from tests.components.gate.gate_scores import TRACKS, gate_config, made_scores, write_scores


def all_good(findings: list[Finding]) -> bool:
    return bool(findings) and all(finding.good for finding in findings)


def spread(mean: float, count: int = TRACKS, width: float = 0.2) -> list[float]:
    """Return `count` values around `mean`."""
    return list(mean + width * np.linspace(-1, 1, count))


# the first champion


@pytest.mark.parametrize(
    ("vocals", "accompaniment", "good"),
    [(3.5, 0.1, [True, True]), (2.9, 0.1, [False, True]), (3.5, -0.1, [True, False]), (3.0, 0.0, [True, True])],
)
def test_first_champion_must_reach_the_minimum_in_every_target(
    vocals: float, accompaniment: float, good: list[bool]
) -> None:
    scores = made_scores(
        model={"vocals": [vocals - 5] * TRACKS, "accompaniment": [accompaniment + 5] * TRACKS},
        mixture={"vocals": [-5] * TRACKS, "accompaniment": [5] * TRACKS},
    )
    findings = judge_first_champion(gate_config(), scores)
    assert [finding.good for finding in findings] == good
    assert (
        f"vocals: {vocals:+.2f} dB SDR over the mixture (median of {TRACKS} tracks); at least +3.00 dB"
        in findings[0].text
    )


def test_gain_is_the_median_over_tracks() -> None:
    scores = made_scores(model={"vocals": [0, 0, 100, 4, 9]}, mixture={"vocals": [0, 1, 0, 0, 0]}, targets=("vocals",))
    (finding,) = judge_first_champion(gate_config(minimum_gain_db={"vocals": 4.0}), scores)
    assert finding.good
    assert "+4.00 dB" in finding.text


def test_target_without_a_minimum_is_refused() -> None:
    scores = made_scores(
        model={"vocals": [9] * 5, "accompaniment": [9] * 5}, mixture={"vocals": [0] * 5, "accompaniment": [0] * 5}
    )
    findings = judge_first_champion(gate_config(minimum_gain_db={"vocals": 3.0}), scores)
    assert [finding.good for finding in findings] == [True, False]
    assert findings[1].text.startswith("accompaniment: ")
    assert "minimum_gain_db" in findings[1].text


def test_target_with_a_minimum_and_no_score_is_refused() -> None:
    scores = made_scores(model={"vocals": [9] * 5}, mixture={"vocals": [0] * 5}, targets=("vocals",))
    findings = judge_first_champion(gate_config(), scores)
    assert not all_good(findings)
    assert any("accompaniment" in finding.text for finding in findings if not finding.good)


def test_missing_scores_of_the_mixture_refuse_the_version() -> None:
    findings = judge_first_champion(gate_config(), made_scores(model={"vocals": [9] * 5, "accompaniment": [9] * 5}))
    assert [finding.good for finding in findings] == [False, False]
    assert "the mixture was not scored" in findings[0].text


def test_missing_scores_refuse_the_version() -> None:
    nan = [float("nan")] * 3
    both = {"vocals": nan, "accompaniment": nan}
    findings = judge_first_champion(gate_config(), made_scores(model=both, mixture=both))
    assert [finding.good for finding in findings] == [False, False]
    assert "no track has a score" in findings[0].text


# against a champion


def judge_differences(differences: list[float], **changes: object) -> Finding:
    """Judge a challenger whose scores exceed the champion's by these differences, track by track."""
    base = np.linspace(-8, 8, len(differences))
    challenger = made_scores(model={"vocals": list(base + differences)}, targets=("vocals",))
    champion = made_scores(model={"vocals": list(base)}, targets=("vocals",))
    (finding,) = judge_against_champion(gate_config(**changes), challenger, champion)
    return finding


@pytest.mark.parametrize(
    ("differences", "good"),
    [
        (spread(1.0), True),
        ([0.0] * TRACKS, True),
        ([-0.05] * TRACKS, True),
        (spread(-0.02, width=0.1), True),
        ([-0.11] * TRACKS, False),
        (spread(-1.0), False),
        # better on average, but possibly worse
        ([10.0] + [-1.0] * 7, False),
    ],
)
def test_challenger_must_not_be_worse_by_more_than_the_margin(differences: list[float], good: bool) -> None:
    finding = judge_differences(differences)
    assert finding.good is good
    assert (
        f"{np.mean(differences):+.2f} dB SDR against the live model (mean of {len(differences)} tracks)" in finding.text
    )
    assert "confidence" in finding.text
    assert finding.text.endswith("allowed -0.10 dB")


def test_one_worse_target_refuses_the_challenger() -> None:
    challenger = made_scores(model={"vocals": spread(5), "accompaniment": spread(4)})
    champion = made_scores(model={"vocals": spread(1), "accompaniment": spread(5)})
    assert [finding.good for finding in judge_against_champion(gate_config(), challenger, champion)] == [True, False]


def test_too_few_tracks_refuse_the_challenger() -> None:
    finding = judge_differences([5.0] * 4, minimum_tracks=5)
    assert not finding.good
    assert finding.text == "vocals: 4 tracks in common, and 5 are needed to compare"
    assert judge_differences([5.0] * 5, minimum_tracks=5).good


def test_other_test_tracks_refuse_the_challenger() -> None:
    champion, challenger = (
        made_scores(model={"vocals": [v] * 6}, targets=("vocals",), digest=d) for v, d in ((0, "a"), (9, "b"))
    )
    findings = judge_against_champion(gate_config(), challenger, champion)
    assert not all_good(findings)
    assert "different test tracks" in findings[0].text


def test_target_that_the_champion_lacks_cannot_be_compared() -> None:
    challenger = made_scores(model={"vocals": [9] * 6, "accompaniment": [9] * 6})
    champion = made_scores(model={"vocals": [0] * 6}, targets=("vocals",))
    findings = judge_against_champion(gate_config(), challenger, champion)
    assert not all_good(findings)
    assert "accompaniment: the live model does not separate it" in findings[1].text


def test_target_that_the_challenger_lacks_refuses_it() -> None:
    challenger = made_scores(model={"vocals": [9] * 6}, targets=("vocals",))
    champion = made_scores(model={"vocals": [0] * 6, "accompaniment": [0] * 6})
    findings = judge_against_champion(gate_config(), challenger, champion)
    assert not all_good(findings)
    assert any(finding.text.startswith("accompaniment: ") for finding in findings if not finding.good)


def test_tracks_without_a_champion_score_are_dropped() -> None:
    nan = float("nan")
    # without pairing, the challenger's -100 would decide
    challenger = made_scores(model={"vocals": [1, 1, 1, 1, 1, nan, -100]}, targets=("vocals",))
    champion = made_scores(model={"vocals": [0, 0, 0, 0, 0, nan, nan]}, targets=("vocals",))
    (finding,) = judge_against_champion(gate_config(), challenger, champion)
    assert finding.good
    assert "+1.00 dB SDR against the live model (mean of 5 tracks)" in finding.text


def test_track_without_a_challenger_score_refuses_it() -> None:
    """A model that is silent on most tracks must not be judged by the other tracks."""
    nan = float("nan")
    challenger = made_scores(model={"vocals": [1, 1, 1, 1, 1, nan, nan]}, targets=("vocals",))
    champion = made_scores(model={"vocals": [0] * 7}, targets=("vocals",))
    (finding,) = judge_against_champion(gate_config(), challenger, champion)
    assert not finding.good
    assert "and 1 more can't be scored (silent or NaN), but the other system's estimate can" in finding.text
    challenger = made_scores(model={"vocals": [9, 9, nan]}, mixture={"vocals": [0, 0, 0]}, targets=("vocals",))
    (finding,) = judge_first_champion(gate_config(minimum_gain_db={"vocals": 3.0}), challenger)
    assert not finding.good
    assert "can't be scored" in finding.text


def test_tracks_are_paired_by_name() -> None:
    values = spread(0, width=9)
    challenger = made_scores(model={"vocals": values}, targets=("vocals",))
    champion = made_scores(model={"vocals": values[::-1]}, targets=("vocals",), names=range(TRACKS - 1, -1, -1))
    (finding,) = judge_against_champion(gate_config(margin_db=0.0), challenger, champion)
    assert finding.good
    assert "+0.00 dB SDR against the live model" in finding.text


# the bootstrap


def test_lower_bound_of_normal_data_equals_the_analytic_one() -> None:
    differences = np.random.default_rng(0).normal(1.0, 2.0, 400)
    for confidence, quantile in ((0.9, 1.2816), (0.95, 1.6449), (0.99, 2.3263)):
        expected = differences.mean() - quantile * differences.std() / np.sqrt(400)
        config = gate_config(confidence=confidence, resamples=20000)
        assert lower_bound(differences, config) == pytest.approx(expected, abs=0.02)


def test_bound_depends_on_the_seed() -> None:
    differences = np.random.default_rng(0).normal(0.0, 1.0, 12)
    bounds = {seed: lower_bound(differences, gate_config(seed=seed)) for seed in (1, 2)}
    assert bounds[1] == lower_bound(differences, gate_config(seed=1))
    assert bounds[1] != bounds[2]
    assert bounds[1] == pytest.approx(bounds[2], abs=0.05)


@settings(deadline=None, max_examples=40)
@given(
    values=st.lists(st.floats(-20, 20), min_size=2, max_size=30),
    shift=st.floats(-10, 10),
)
def test_bound_lies_between_the_worst_track_and_the_mean(values: list[float], shift: float) -> None:
    differences = np.array(values)
    bound = lower_bound(differences, gate_config())
    assert differences.min() - 1e-9 <= bound <= differences.mean() + 1e-9 + 0.2 * np.ptp(differences)
    assert lower_bound(differences + shift, gate_config()) == pytest.approx(bound + shift, abs=1e-6)
    stricter = lower_bound(differences, gate_config(confidence=0.99))
    assert stricter <= bound + 1e-12


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(values=st.lists(st.floats(-3, 3), min_size=5, max_size=12), gain=st.floats(0, 5))
def test_better_scores_never_lower_the_bound(values: list[float], gain: float) -> None:
    before, after = judge_differences(values), judge_differences([value + gain for value in values])
    assert after.good or not before.good


def heavy(random: np.random.Generator, tracks: int) -> Values:
    return np.asarray(random.standard_t(3, tracks) / np.sqrt(3), dtype=np.float64)


def skewed(random: np.random.Generator, tracks: int) -> Values:
    """Draw differences with few large losses: the hard case, since a small sample often has none of them."""
    return np.asarray(1.0 - random.exponential(1.0, tracks), dtype=np.float64)


# what it may be off from the stated 5 % is as measured, docs/decisions/0016-gate.md
@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "tracks", "most"),
    [
        (np.random.Generator.standard_normal, 5, 0.09),
        (np.random.Generator.standard_normal, 50, 0.09),
        (heavy, 25, 0.11),
        (skewed, 25, 0.14),
    ],
)
def test_challenger_worse_by_the_margin_is_seldom_accepted(
    shape: Callable[[np.random.Generator, int], Values], tracks: int, most: float
) -> None:
    random = np.random.default_rng(1)
    config = gate_config(resamples=1000)
    bounds = np.array([lower_bound(shape(random, tracks) * 0.5, config) for _ in range(400)])
    margin = config.margin_db
    assert np.mean(bounds - margin >= -margin) < most  # 5 % by design, with the spread of 400 draws
    assert np.mean(bounds - 10 * margin >= -margin) < 0.05
    assert np.mean(bounds + 15 * margin >= -margin) > 0.95


# better


def better(vocals: list[float], accompaniment: list[float], **changes: object) -> Finding:
    challenger = made_scores(model={"vocals": vocals, "accompaniment": accompaniment})
    champion = made_scores(model={"vocals": [0.0] * TRACKS, "accompaniment": [0.0] * TRACKS})
    found = judge_against_champion(gate_config(rule="better", **changes), challenger, champion)
    assert [finding.name for finding in found] == ["vocals", "accompaniment", "better"]
    return found[-1]


SAME = [0.0] * TRACKS


@pytest.mark.parametrize(
    ("vocals", "accompaniment", "named", "good"),
    [
        (spread(0.5), SAME, [], True),
        (SAME, SAME, [], False),
        (spread(0.05), spread(0.05), [], False),
        (spread(0.5), SAME, ["vocals"], True),
        (spread(0.5), SAME, ["accompaniment"], False),
        (spread(0.5), SAME, ["vocals", "accompaniment"], False),
        (spread(0.5), SAME, ["drums"], False),
    ],
)
def test_challenger_must_be_better_in_one_target(
    vocals: list[float], accompaniment: list[float], named: list[str], good: bool
) -> None:
    finding = better(vocals, accompaniment, better_in=named)
    assert finding.good is good
    assert "must be above +0.00 dB" in finding.text


def test_two_targets_raise_the_confidence_of_each() -> None:
    lows = [lower_bound(np.array(spread(0.0)), gate_config(confidence=confidence)) for confidence in (0.95, 0.975)]
    barely = spread(-float(np.mean(lows)))
    assert better(barely, SAME, better_in=["vocals"]).good
    finding = better(barely, SAME)
    assert "97.5% confidence" in finding.text
    assert not finding.good


def test_stem_that_loses_more_than_its_limit_refuses() -> None:
    assert judge_differences([-0.3] * TRACKS, margin_db=1.0, stem_limit_db=0.4).good
    finding = judge_differences([-0.3] * TRACKS, margin_db=1.0, stem_limit_db=0.2)
    assert not finding.good
    assert "allowed -0.20 dB; lower bound" in finding.text


def test_scores_of_another_scorer_refuse_the_challenger() -> None:
    challenger = made_scores(model={"vocals": [9.0] * 6}, targets=("vocals",))
    champion = replace(made_scores(model={"vocals": [0.0] * 6}, targets=("vocals",)), scorer="another")
    (finding,) = judge_against_champion(gate_config(), challenger, champion)
    assert not finding.good
    assert finding.text == "the challenger was scored by BSS Eval v4 by a test, the live model by another"


# reading


@pytest.mark.parametrize("missing", ["scores.csv", "test.json"])
def test_missing_scores_are_a_user_error(tmp_path: Path, missing: str) -> None:
    folder = write_scores(tmp_path / "scores", {"vocals": [1.0]})
    (folder / missing).unlink()
    with pytest.raises(UserError, match=f"{missing} does not exist: run `dvc repro --force evaluate`"):
        read_scores(folder)


def test_missing_scores_of_the_model_are_a_user_error(tmp_path: Path) -> None:
    folder = write_scores(tmp_path / "scores", {"vocals": [1.0]})
    SCORES.write(folder, pd.DataFrame(columns=list(SCORES.columns)))
    with pytest.raises(UserError, match=r"scores\.csv has no scores of the model.*evaluate\.systems"):
        read_scores(folder)


def test_scores_without_their_origin_are_a_user_error(tmp_path: Path) -> None:
    folder = write_scores(tmp_path / "scores", {"vocals": [1.0]})
    path = folder / Evaluation.FILE
    write_json(path, {key: value for key, value in json.loads(path.read_text()).items() if key != "digest"})
    with pytest.raises(UserError, match=r"test.json is damaged \(digest: .*\): run `dvc repro --force evaluate`"):
        read_scores(folder)


@pytest.mark.parametrize("missing", sorted(GateConfig.model_fields))
def test_rules_have_no_defaults(missing: str) -> None:
    values = {name: value for name, value in gate_config().model_dump().items() if name != missing}
    with pytest.raises(UserError, match=rf"gate\.{missing}"):
        parse_section("gate", values, GateConfig, "params.yaml")


@pytest.mark.parametrize(
    "change",
    [
        *({"confidence": 0.4}, {"margin_db": -1}, {"minimum_tracks": 1}, {"resamples": 10}, {"minimum_gain_db": 3}),
        *({"rule": "nicer"}, {"slice_limit_db": -1}, {"slowdown_limit": 0}, {"largest_memory_mb": None}),
    ],
)
def test_impossible_rule_is_an_error(change: dict[str, object]) -> None:
    values = gate_config().model_dump() | change
    with pytest.raises(UserError, match=rf"gate\.{next(iter(change))}"):
        parse_section("gate", values, GateConfig, "params.yaml")


def test_lost_frames_count_and_are_named(tmp_path: Path) -> None:
    values = {"vocals": [5.0] * 6, "accompaniment": [9.0] * 6}
    folder = write_scores(tmp_path / "challenger", values)
    table = SCORES.read(folder)
    lost = (table["target"] == "vocals") & (table["metric"] == "SDR") & (table["track"] == "made/Song 0")
    table.loc[lost, ["counted_value", "lost_frames"]] = [1.0, 3]
    SCORES.write(folder, table)
    scores = read_scores(folder)
    assert scores.sdr["model"]["vocals"].tolist() == [1.0, *[5.0] * 5]
    assert scores.lost_frames == {"accompaniment": 0, "vocals": 3}
    live = read_scores(write_scores(tmp_path / "live", values))
    vocals, accompaniment = judge_against_champion(gate_config(), scores, live)
    assert vocals.text.endswith(
        "; frames in which an estimate alone is silent, which count by definition: 3 of the challenger"
    )
    assert not vocals.good
    assert accompaniment.good
    assert "silent" not in accompaniment.text
