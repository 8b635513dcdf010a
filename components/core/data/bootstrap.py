"""Confidence intervals over tracks, by the bootstrap: the tracks are drawn again and again, with replacement.

Values are in dB, one per track: scores of a system, or differences of two systems on the same track. The same values,
number of resamples and seed always give the same interval.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtr, ndtri

Values = NDArray[np.float64]

_DECIMALS = 12  # of scaled means: smaller differences are rounding errors


def median_interval(values: Values, confidence: float, resamples: int, seed: int) -> tuple[float, float]:
    """Return the bounds of the median's interval (percentile method); for a single value, this value twice."""
    if len(values) == 1:
        return float(values[0]), float(values[0])
    interval = stats.bootstrap(
        (values,), np.median, method="percentile", confidence_level=confidence, n_resamples=resamples,
        rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return float(interval.low), float(interval.high)


def mean_interval(values: Values, confidence: float, resamples: int, seed: int) -> tuple[float, float]:
    """Return the bounds of the mean's interval, bias-corrected and accelerated (BCa); `values` are two or more.

    Efron, "Better bootstrap confidence intervals", JASA 82, 1987.
    """
    mean, scale, deviations = _standardise(values)
    if scale == 0:
        return mean, mean
    interval = stats.bootstrap(
        (deviations,), _rounded_mean, method="BCa", confidence_level=confidence, n_resamples=resamples,
        rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return mean + scale * float(interval.low), mean + scale * float(interval.high)


def mean_lower_bound(values: Values, confidence: float, resamples: int, seed: int) -> float:
    """Return the one-sided lower bound of the mean, by BCa with wider tails for few tracks; `values` are two or more.

    The tails are those of Student's t (Hesterberg, "What teachers should know about the bootstrap", 2015, 4.1), which
    scipy does not offer. docs/decisions/0016-gate.md compares the error rates of the methods.
    """
    mean, scale, deviations = _standardise(values)
    if scale == 0:
        return mean
    count = len(values)
    drawn = np.random.default_rng(seed).integers(0, count, (resamples, count))
    means = _rounded_mean(deviations[drawn])
    z = np.sqrt(count / (count - 1)) * stats.t.ppf(1 - confidence, count - 1)
    return float(mean + scale * np.quantile(means, _corrected_share(deviations, means, z)))


def _corrected_share(deviations: Values, means: Values, z: float) -> float:
    """Return the share of the resampled means below the bound, for the normal quantile `z` (Efron, 1987, 2.3, 7.3)."""
    below = (np.mean(means < 0) + np.mean(means <= 0)) / 2
    bias = ndtri(np.clip(below, 1 / len(means), 1 - 1 / len(means)))
    acceleration = (deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5)
    remaining = 1 - acceleration * (bias + z)
    return float(ndtr(bias + (bias + z) / remaining)) if remaining > 0 else 0.0


def _standardise(values: Values) -> tuple[float, float, Values]:
    """Return the mean, the largest deviation from it, and all deviations as shares of the largest.

    Values that differ by rounding errors only have no deviation: scale 0.
    """
    mean = float(values.mean())
    deviations = values - mean
    scale = float(np.abs(deviations).max())
    if scale <= 10.0**-_DECIMALS * max(1.0, float(np.abs(values).max())):
        return mean, 0.0, np.zeros_like(values)
    return mean, scale, deviations / scale


def _rounded_mean(values: Values, axis: int = -1) -> Values:
    """Return means over an axis, rounded so that means that are equal but for rounding errors are ties."""
    means: Values = np.round(values.mean(axis=axis), _DECIMALS)
    return means
