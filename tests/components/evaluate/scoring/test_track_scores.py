"""Scores of one track: they equal museval, and tracks that museval cannot score are reported."""

import json
from decimal import Decimal

import museval
import numpy as np
import pytest

from components.core.base.errors import UserError
from components.core.data.score_tables import COUNTED, LOST_FRAMES, METRIC, METRICS, TARGET, VALUE
from components.core.sound.decoding import Audio
from components.evaluate.results.tables import score_table
from components.evaluate.scoring.track_scores import (
    TrackScores,
    median_of_frames,
    require_several_targets,
    score_track,
)
from tests.components.evaluate.evaluate_music import RATE, TARGETS, noise


def _pair(seed: int, seconds: float, channels: int = 1) -> tuple[Audio, Audio]:
    """Return references of coloured noise, and estimates with leakage and noise."""
    rough = np.stack([noise(seed, seconds, channels), noise(seed + 1, seconds, channels)])
    references = (rough + np.roll(rough, 1, axis=-1)).astype(np.float32)
    extra = np.stack([noise(seed + 2, seconds, channels, 0.02), noise(seed + 3, seconds, channels, 0.02)])
    return references, references + 0.2 * references[::-1] + extra


def _score(references: Audio, estimates: Audio, window: int = RATE // 2) -> TrackScores:
    return score_track("track", "model", TARGETS, references, estimates, window)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
def test_frames_equal_museval(channels: int) -> None:
    references, estimates = _pair(0, 1.3, channels)
    scores = _score(references, estimates)
    window = RATE // 2
    expected = museval.evaluate(references.transpose(0, 2, 1), estimates.transpose(0, 2, 1), win=window, hop=window)
    assert scores.values.shape == (2, 4, 2)  # the last 0.3 s are not a complete frame
    for metric, values in zip(("SDR", "ISR", "SIR", "SAR"), expected, strict=True):
        np.testing.assert_allclose(scores.values[:, METRICS.index(metric)], values, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_sdr_equals_signal_over_error_in_every_frame(seed: int) -> None:
    references, estimates = _pair(10 * seed, 0.25)
    window = 2205
    scores = _score(references, estimates, window)
    for target in range(2):
        for frame in range(scores.values.shape[-1]):
            part = slice(frame * window, (frame + 1) * window)
            true = references[target, :, part].astype(float)
            error = true - estimates[target, :, part]
            expected = 10 * np.log10((true**2).sum() / (error**2).sum())
            assert scores.values[target, METRICS.index("SDR"), frame] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("of_reference", [True, False])
def test_frame_with_a_silent_target_is_nan_for_every_target(of_reference: bool) -> None:
    references, estimates = _pair(3, 1.5)
    signals = references if of_reference else estimates
    signals[0, :, RATE // 2 : RATE] = 0
    scores = _score(references, estimates)
    assert np.isnan(scores.values).sum(axis=-1).tolist() == [[1] * 4] * 2
    assert np.isnan(scores.values[:, :, 1]).all()
    assert not scores.reason


@pytest.mark.parametrize(
    ("signal", "target", "reason"),
    [("true", 0, "the true vocals is silent"), ("estimated", 1, "the estimated accompaniment is silent")],
)
def test_silent_target_is_reported(signal: str, target: int, reason: str) -> None:
    references, estimates = _pair(4, 0.5)
    (references if signal == "true" else estimates)[target] = 0
    scores = _score(references, estimates)
    assert scores.values.shape == (2, 4, 0)
    assert scores.reason == reason


def test_opposite_channels_count_as_silent() -> None:
    references, estimates = _pair(5, 0.5, channels=2)
    references[0, 1] = -references[0, 0]
    with pytest.raises(ValueError, match="non-silent"):
        museval.evaluate(references.transpose(0, 2, 1), estimates.transpose(0, 2, 1))
    assert _score(references, estimates).reason == "the true vocals is silent"


def test_estimates_that_are_not_finite_are_reported() -> None:
    references, estimates = _pair(6, 0.5)
    estimates[1, 0, 100] = np.nan
    assert _score(references, estimates).reason == "the estimated accompaniment is not finite"


def test_copied_references_are_reported() -> None:
    click = np.zeros((2, 1, 4096), np.float32)
    click[:, :, 0] = 1
    click *= 1024  # so loud that museval's regularisation is below the rounding error
    scores = _score(click, click + noise(0, 4096 / RATE, 1))
    assert scores.reason == "the true targets are copies of each other"


def test_track_shorter_than_a_frame_is_one_frame() -> None:
    references, estimates = _pair(7, 0.2)
    scores = _score(references, estimates, window=RATE)
    assert scores.values.shape == (2, 4, 1)
    assert np.isfinite(scores.values).all()


def test_perfect_frames_do_not_count() -> None:
    references, _ = _pair(8, 0.5)
    scores = _score(references, references.copy())
    assert np.isinf(scores.values[:, METRICS.index("SDR")]).all()
    assert np.isnan(median_of_frames(scores.values[0, METRICS.index("SDR")]))


def test_median_equals_museval() -> None:
    values = np.array([1.0, np.nan, np.inf, 4.0, 2.0])
    store = museval.TrackStore("track")
    store.add_target("vocals", {metric: values.tolist() for metric in METRICS})
    frames = json.loads(store.json, parse_float=Decimal)["targets"][0]["frames"]
    expected = np.nanmedian([float(frame["metrics"]["SDR"]) for frame in frames])
    assert median_of_frames(values) == expected == 2.0


def test_single_target_is_a_user_error() -> None:
    require_several_targets(TARGETS)
    with pytest.raises(UserError, match="one target"):
        require_several_targets(("vocals",))


def _write_zeros(estimates: Audio, frame: int, window: int) -> Audio:
    """Return the estimates of a model that gives up on the first target in one frame: the other target gets all."""
    changed = estimates.copy()
    part = slice(frame * window, (frame + 1) * window)
    changed[1, :, part] += changed[0, :, part]
    changed[0, :, part] = 0
    return changed


def test_frame_with_a_silent_estimate_counts_by_the_definition_of_sdr() -> None:
    references, estimates = _pair(30, 0.25)
    window, frame = 2205, 2
    zeros = _write_zeros(estimates, frame, window)
    scores = _score(references, zeros, window)
    part = slice(frame * window, (frame + 1) * window)
    error = references[1, :, part].astype(float) - zeros[1, :, part]
    expected = 10 * np.log10(np.square(references[1, :, part].astype(float)).sum() / np.square(error).sum())
    assert np.isnan(scores.values[:, :, frame]).all(), "museval scores no target in it"
    assert scores.lost_sdr[:, frame] == pytest.approx([0.0, expected], abs=1e-9)
    assert np.isnan(np.delete(scores.lost_sdr, frame, axis=1)).all()


def test_model_gains_nothing_by_zeros_where_it_fails() -> None:
    references, estimates = _pair(40, 0.25)
    window = 2205
    honest = estimates.copy()
    for frame in (1, 3):  # worse than 0 dB there
        honest[0, :, frame * window : (frame + 1) * window] *= -2
    zeros = _write_zeros(_write_zeros(honest, 1, window), 3, window)
    tables = [score_table([_score(references, one, window)]) for one in (honest, zeros)]
    rows = [table[(table[METRIC] == "SDR") & (table[TARGET] == TARGETS[0])].iloc[0] for table in tables]
    silent = _score(references, zeros, window)
    played = np.delete(silent.values[0, METRICS.index("SDR")], [1, 3])
    assert rows[1][VALUE] == pytest.approx(np.median(played), abs=1e-6), "museval's median leaves the frames out"
    assert rows[1][COUNTED] == pytest.approx(np.median([*played, 0.0, 0.0]), abs=1e-6)
    assert rows[1][COUNTED] < rows[1][VALUE]
    assert [row[LOST_FRAMES] for row in rows] == [0, 2]
    assert rows[0][COUNTED] == rows[0][VALUE]


def test_estimate_that_is_silent_throughout_counts_in_every_frame() -> None:
    references, estimates = _pair(45, 0.25)
    window = 2205
    estimates[0] = 0
    scores = _score(references, estimates, window)
    assert scores.values.shape[-1] == 0, "museval scores no such track"
    table = score_table([scores])
    row = table[(table[METRIC] == "SDR") & (table[TARGET] == TARGETS[0])].iloc[0]
    assert np.isnan(row[VALUE])
    assert (row[COUNTED], row[LOST_FRAMES]) == (pytest.approx(0.0, abs=1e-9), references.shape[-1] // window)


def test_frame_with_a_silent_reference_is_not_lost() -> None:
    references, estimates = _pair(50, 0.25)
    window = 2205
    references[0, :, window : 2 * window] = 0
    estimates[0, :, window : 2 * window] = 0
    scores = _score(references, estimates, window)
    assert np.isnan(scores.values[:, :, 1]).all()
    assert np.isnan(scores.lost_sdr).all()
