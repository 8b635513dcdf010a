"""Tests of the differences between systems on the tracks that both have scores of.

Every pair gets its mean difference with a bootstrap interval over tracks, and Wilcoxon's signed-rank test.
Friedman's test is about all systems at once; Conover's test follows it for every pair, as in SiSEC 2018 (Stöter,
Liutkus and Ito, LVA/ICA 2018). Rely on Wilcoxon's test: it uses the two systems alone, on all tracks that they share.
Conover's test allows a comparison with SiSEC. Both are corrected for the number of pairs by Holm's method.
"""

from dataclasses import asdict, dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from components.compare.config import CompareConfig
from components.compare.systems.row_names import is_baseline
from components.core.data.bootstrap import Values, mean_interval
from components.core.data.score_tables import METRIC, SYSTEM, TARGET, TRACK, VALUE, counted_values
from components.core.data.scored_stems import AMONG

FEWEST_TRACKS = 2
_FEWEST_SYSTEMS = 3  # of Friedman's test


@dataclass(frozen=True)
class Pair:
    """`first` minus `second`, in dB; a row of pairs.csv.

    tracks           the number of tracks that both have
    mean, median     the mean and the median of the differences
    low, high        the bounds of the mean's interval
    p                the p-value of Wilcoxon's test
    p_holm           the same p-value, corrected
    p_conover        the corrected p-value of Conover's test; pairs with a baseline have none
    tracks_conover   the number of tracks that all trained systems have, which Conover's test ranks
    among            the stems among which both were scored

    Corrections count all pairs of trained systems; pairs with a baseline are corrected apart.
    """

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
    p_conover: float = float("nan")
    tracks_conover: int = 0
    among: str = ""


def compare_pairs(scores: pd.DataFrame, target: str, metric: str, config: CompareConfig) -> pd.DataFrame:
    """Return one row per pair of systems that were scored among the same stems (Pair), for one target and metric."""
    chosen = scores[(scores[TARGET] == target) & (scores[METRIC] == metric)]
    groups = _count_lost_frames(chosen).groupby(AMONG, sort=False)
    tables = {str(among): by_track(rows, target, metric) for among, rows in groups}
    pairs = [
        replace(_pair(target, metric, (str(first), str(second)), table, config), among=among)
        for among, table in tables.items()
        for first, second in combinations(table, 2)
    ]
    found = pd.DataFrame([asdict(pair) for pair in pairs], columns=list(Pair.__dataclass_fields__))
    with_baseline = np.array([is_baseline(pair.first) or is_baseline(pair.second) for pair in pairs], dtype=bool)
    for family in (with_baseline, ~with_baseline):
        found.loc[family, "p_holm"] = holm(found.loc[family, "p"].to_numpy(dtype=np.float64))
    for among, table in tables.items():
        trained, ranked = _without_baselines(table), ~with_baseline & (found[AMONG] == among)
        found.loc[ranked, "p_conover"] = conover(trained)
        found.loc[ranked, "tracks_conover"] = len(trained.dropna())
    found.loc[~with_baseline, "p_conover"] = holm(found.loc[~with_baseline, "p_conover"].to_numpy(dtype=np.float64))
    return found


def by_track(scores: pd.DataFrame, target: str, metric: str) -> pd.DataFrame:
    """Return one row per track and one column per system, the best median first; NaN for no score."""
    chosen = scores[(scores[TARGET] == target) & (scores[METRIC] == metric)]
    table = chosen.pivot(index=TRACK, columns=SYSTEM, values=VALUE).replace([np.inf, -np.inf], np.nan)
    return table[table.median().sort_values(ascending=False, kind="stable").index]


def _count_lost_frames(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores with the values for comparisons, in which frames that only an estimate leaves silent count."""
    return scores.assign(**{VALUE: counted_values(scores)})


def friedman(scores: pd.DataFrame, target: str, metric: str) -> tuple[float, int]:
    """Return the p-value for all trained systems being alike, and the number of tracks; NaN for too few of either."""
    table = by_track(_count_lost_frames(scores), target, metric)
    common = _without_baselines(table).dropna()
    if not _can_be_ranked(common):
        return float("nan"), len(common)
    return float(stats.friedmanchisquare(*(common[name] for name in common)).pvalue), len(common)


def conover(table: pd.DataFrame) -> Values:
    """Return Conover's p-value of every pair of columns, `(pairs,)` in the order of `combinations`, uncorrected.

    It uses the rows that all columns have; NaN for too few rows or columns. With ranks r of k systems on b tracks, and
    sums R of these ranks, t = |Rᵢ − Rⱼ| / √(2 (b Σr² − ΣR²) / ((b − 1)(k − 1))) has (b − 1)(k − 1) degrees of freedom
    (Conover, Practical Nonparametric Statistics, 3rd edition, 1999, section 5.8).
    """
    common = table.dropna()
    first, second = np.triu_indices(table.shape[1], 1)
    if not _can_be_ranked(common):
        return np.full(len(first), np.nan)
    tracks, systems = common.shape
    ranks = stats.rankdata(common.to_numpy(), axis=1)
    sums = ranks.sum(axis=0)
    freedom = (tracks - 1) * (systems - 1)
    variance = max(2 * (tracks * np.square(ranks).sum() - np.square(sums).sum()) / freedom, 0.0)
    apart = np.abs(sums[first] - sums[second])
    # where all tracks rank alike, the variance is 0 and any difference is certain
    t = np.divide(apart, np.sqrt(variance), out=np.where(apart > 0, np.inf, 0.0), where=variance > 0)
    p: Values = 2 * stats.t.sf(t, freedom)
    return p


def holm(p_values: Values) -> Values:
    """Return the p-values corrected for their number (Holm, 1979); NaN stays NaN and is not counted."""
    corrected = np.full_like(p_values, np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    scaled = p_values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(order) else scaled
    return corrected


def _without_baselines(table: pd.DataFrame) -> pd.DataFrame:
    return table[[name for name in table if not is_baseline(str(name))]]


def _can_be_ranked(common: pd.DataFrame) -> bool:
    return common.shape[1] >= _FEWEST_SYSTEMS and len(common) >= FEWEST_TRACKS


def _pair(target: str, metric: str, names: tuple[str, str], table: pd.DataFrame, config: CompareConfig) -> Pair:
    first, second = names
    differences = (table[first] - table[second]).dropna().to_numpy(np.float64)
    if len(differences) < FEWEST_TRACKS:
        nan = float("nan")
        return Pair(target, metric, first, second, len(differences), nan, nan, nan, nan, nan)
    low, high = mean_interval(differences, config.confidence, config.resamples, config.seed)
    alike = bool(np.all(differences == 0))
    p = 1.0 if alike else float(stats.wilcoxon(differences).pvalue)
    mean, median = float(differences.mean()), float(np.median(differences))
    return Pair(target, metric, first, second, len(differences), mean, median, low, high, p)
