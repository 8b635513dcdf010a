"""The lower end of a mean's confidence interval, by the bootstrap over tracks.

Of the methods in docs/decisions/0016 the one whose error rates were nearest to the stated ones: bias-corrected and
accelerated (Efron, "Better bootstrap confidence intervals", JASA 82, 1987, eq. 2.3 and 7.3), with tails that are
widened for few tracks as Student's t is (Hesterberg, "What teachers should know about the bootstrap", 2015, 4.1).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import t as student

Values = NDArray[np.float64]

_TIE = 1e-9  # resampled means so near to the mean, in shares of the largest deviation, differ from it by rounding only


def lower_bound(values: Values, confidence: float, resamples: int, seed: int) -> float:
    """Return what the mean is not lower than, at a one-sided confidence; `values` are two or more."""
    mean = values.mean()
    deviations = values - mean
    scale = np.abs(deviations).max()
    if scale == 0:
        return float(mean)
    drawn = np.random.default_rng(seed).integers(0, len(values), (resamples, len(values)))
    means = (deviations / scale)[drawn].mean(axis=1)
    return float(mean + scale * np.quantile(means, _share(deviations / scale, means, confidence)))


def _share(deviations: Values, means: Values, confidence: float) -> float:
    """Return which quantile of the resampled means, of deviations from the mean, is the bound."""
    count = len(deviations)
    z = np.sqrt(count / (count - 1)) * student.ppf(1 - confidence, count - 1)
    below = (np.mean(means < -_TIE) + np.mean(means <= _TIE)) / 2
    bias = ndtri(np.clip(below, 1 / len(means), 1 - 1 / len(means)))
    acceleration = (deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5)
    rest = 1 - acceleration * (bias + z)
    return float(ndtr(bias + (bias + z) / rest)) if rest > 0 else 0.0
