"""Who is right where our BSS Eval v4 and museval's differ? Both against the definition, in extended precision.

The signals stop at 0.6 of the band, 120 dB down, as music does that was coded: filters are hardly determined there.
"""

import museval
import numpy as np
import pytest
import scipy.signal
from numpy.typing import NDArray

from components.core.sound.decoding import Audio
from components.evaluate.scoring.bss_eval import evaluate

TAPS, WINDOW, SAMPLES = 32, 1000, 4000

Wide = NDArray[np.longdouble]
Scores = NDArray[np.float64]

pytestmark = pytest.mark.skipif(
    bool(np.finfo(np.longdouble).eps > 1e-18), reason="this machine has no floats of more than 64 bits"
)


def make_band_limited(random: np.random.Generator) -> Audio:
    """Return two targets of one channel."""
    sections = scipy.signal.cheby2(12, 120, 0.6, output="sos")
    filtered: Audio = scipy.signal.sosfilt(sections, 0.1 * random.standard_normal((2, 1, SAMPLES))).astype(np.float32)
    return filtered


def delayed(signals: Wide) -> Wide:
    """`(signals, samples)` to `(samples + TAPS − 1, signals · TAPS)`: every signal at every delay."""
    count, samples = signals.shape
    result = np.zeros((samples + TAPS - 1, count, TAPS), np.longdouble)
    for delay in range(TAPS):
        result[delay : delay + samples, :, delay] = signals.T
    return result.reshape(len(result), count * TAPS)


def solve(matrix: Wide, side: Wide) -> Wide:
    """Solve by Gaussian elimination; LAPACK does not support these floats."""
    rows = np.column_stack([matrix, side])
    for pivot in range(len(rows)):
        rows[pivot] /= rows[pivot, pivot]
        others = np.arange(len(rows)) != pivot
        rows[others] -= rows[others, pivot, None] * rows[pivot]
    return rows[:, -1]


def score_by_definition(references: Audio, estimates: Audio) -> Scores:
    """Return the scores of one channel by the four equations of BSS Eval, with museval's ridge."""
    true, estimated = references[:, 0].astype(np.longdouble), estimates[:, 0].astype(np.longdouble)
    basis = delayed(true)
    gram = basis.T @ basis
    gram.flat[:: len(gram) + 1] += np.finfo(np.float64).eps
    scores = np.empty((2, 4, SAMPLES // WINDOW))
    for target in range(2):
        own = slice(target * TAPS, (target + 1) * TAPS)
        sides = basis[:SAMPLES].T @ estimated[target]
        own_filter, filter_ = solve(gram[own, own], sides[own]), solve(gram, sides)
        for frame in range(SAMPLES // WINDOW):
            part = slice(frame * WINDOW, (frame + 1) * WINDOW)
            delays = delayed(true[:, part])
            by_own, by_all = delays[:, own] @ own_filter, delays @ filter_
            reference, estimate = delays[:, target * TAPS], np.pad(estimated[target, part], (0, TAPS - 1))
            pairs = ((reference, estimate - reference), (by_own, by_all - by_own), (by_all, estimate - by_all),
                     (reference, by_own - reference))  # fmt: skip
            scores[target, :, frame] = [10 * np.log10((up @ up) / (down @ down)) for up, down in pairs]
    return scores


def score_with_museval(references: Audio, estimates: Audio) -> Scores:
    signals = (signals.transpose(0, 2, 1).astype(np.float64) for signals in (references, estimates))
    sdr, isr, sir, sar, _ = museval.metrics.bss_eval(*signals, window=WINDOW, hop=WINDOW, filters_len=TAPS)
    return np.stack([sdr, sir, sar, isr], axis=1)


@pytest.mark.slow
def test_error_on_band_limited_signals_is_not_larger_than_that_of_museval() -> None:
    ours, musevals = [], []
    for seed in range(6):
        random = np.random.default_rng(seed)
        references = make_band_limited(random)
        estimates = references + np.float32(0.3) * references[::-1] + np.float32(0.1) * make_band_limited(random)
        exact = score_by_definition(references, estimates)
        ours.append(np.abs(evaluate(references, estimates, WINDOW, TAPS) - exact).max())
        musevals.append(np.abs(score_with_museval(references, estimates) - exact).max())
    assert max(musevals) > 1e-5  # rounding errors are visible in this case
    assert max(ours) < 0.01
    assert np.median(ours) < 3 * np.median(musevals)


def test_scores_equal_the_definition_where_filters_are_determined() -> None:
    random = np.random.default_rng(9)
    references, noise = 0.1 * random.standard_normal((2, 2, 1, SAMPLES), dtype=np.float32)
    estimates = references + np.float32(0.3) * references[::-1] + np.float32(0.2) * noise
    found, exact = evaluate(references, estimates, WINDOW, TAPS), score_by_definition(references, estimates)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-10)
