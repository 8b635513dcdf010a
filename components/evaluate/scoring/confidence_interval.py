"""How sure a median is: the bootstrap over tracks."""

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
_RESAMPLES = 10_000
_SEED = 7


def median_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the bounds of the median's bootstrap interval (percentile method, CONFIDENCE, over tracks).

    Tracks without a score (NaN) are left out; NaN for no track. The same values give the same bounds.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(_SEED).integers(0, known.size, (_RESAMPLES, known.size))
    medians = np.median(known[drawn], axis=1)
    low, high = np.quantile(medians, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
