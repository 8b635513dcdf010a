"""Is one system better than another? By the differences on the tracks that both were scored on, never by two medians.

For every pair the mean difference with its bootstrap interval (over tracks, percentile), and Wilcoxon's signed-rank
test with Holm's correction for the number of pairs; over all systems Friedman's test. As SiSEC 2018 did (Stöter,
Liutkus and Ito, LVA/ICA 2018: Friedman, then pairs), with the signed-rank test, since it looks at the two alone.
"""

from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from components.compare.config import CompareConfig

FEWEST_TRACKS = 2


@dataclass(frozen=True)
class Pair:
    """`first` minus `second`, in dB, on `tracks` common tracks; `p` as tested, `p_holm` corrected for all pairs."""

    target: str
    metric: str
    first: str
    second: str
    tracks: int
    mean: float
    median: float
    low: float
    high: float
    p: float
    p_holm: float = float("nan")


def pairs_of(scores: pd.DataFrame, target: str, metric: str, config: CompareConfig) -> pd.DataFrame:
    """Return a row a pair of systems for one target and metric; `p_holm` is corrected for all of these pairs."""
    table = by_track(scores, target, metric)
    pairs = [
        _pair(target, metric, (str(first), str(second)), table, config) for first, second in combinations(table, 2)
    ]
    found = pd.DataFrame([asdict(pair) for pair in pairs], columns=list(Pair.__dataclass_fields__))
    found["p_holm"] = holm(found["p"].to_numpy(dtype=np.float64))
    return found


def by_track(scores: pd.DataFrame, target: str, metric: str) -> pd.DataFrame:
    """Return scores as a row a track and a column a system, NaN where there is none; best median first."""
    chosen = scores[(scores["target"] == target) & (scores["metric"] == metric)]
    table = chosen.pivot(index="track", columns="system", values="value")
    return table[table.median().sort_values(ascending=False, kind="stable").index]


def friedman(scores: pd.DataFrame, target: str, metric: str) -> tuple[float, int]:
    """Return the p-value of all systems being alike, and on how many tracks; NaN where that cannot be asked."""
    table = by_track(scores, target, metric).dropna()
    if table.shape[1] < 3 or len(table) < FEWEST_TRACKS:
        return float("nan"), len(table)
    return float(stats.friedmanchisquare(*(table[name] for name in table)).pvalue), len(table)


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the p-values corrected for their number (Holm, 1979); NaN stays NaN and counts for nothing."""
    corrected = np.full_like(p_values, np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    scaled = p_values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(order) else scaled
    return corrected


def interval(differences: NDArray[np.float64], config: CompareConfig) -> tuple[float, float]:
    """Return the bounds of the mean's bootstrap interval over tracks (percentile method)."""
    drawn = np.random.default_rng(config.seed).integers(0, len(differences), (config.resamples, len(differences)))
    tail = (1 - config.confidence) / 2
    low, high = np.quantile(differences[drawn].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


def _pair(target: str, metric: str, names: tuple[str, str], table: pd.DataFrame, config: CompareConfig) -> Pair:
    first, second = names
    differences = (table[first] - table[second]).replace([np.inf, -np.inf], np.nan).dropna().to_numpy(np.float64)
    if len(differences) < FEWEST_TRACKS:
        nan = float("nan")
        return Pair(target, metric, first, second, len(differences), nan, nan, nan, nan, nan)
    low, high = interval(differences, config)
    alike = bool(np.all(differences == 0))
    p = 1.0 if alike else float(stats.wilcoxon(differences).pvalue)
    mean, median = float(differences.mean()), float(np.median(differences))
    return Pair(target, metric, first, second, len(differences), mean, median, low, high, p)
