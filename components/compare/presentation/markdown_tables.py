"""The tables of a comparison, as Markdown."""

from typing import Any

import numpy as np
import pandas as pd

from components.compare.comparison_results import Comparison
from components.compare.scores.statistics import FEWEST_TRACKS, friedman
from components.compare.systems.published_scores import PAPER_MODEL, QUOTED
from components.compare.systems.records import title_of
from components.compare.systems.row_names import is_baseline
from components.core.data.score_tables import LOST_FRAMES, METRIC, METRICS, SYSTEM, TARGET

_UNKNOWN = "–"


def target_table(comparison: Comparison, target: str) -> str:
    """Return the scores of all systems for a target, the best first."""
    summary, column = comparison.summary, f"{target} SDR"
    rows = summary[summary[column].notna()].sort_values(column, ascending=False, kind="stable")
    lines = _head("system", "SDR", f"{comparison.config.confidence:.0%} interval", *METRICS[1:], "tracks")
    for row in rows.to_dict("records"):
        low, high = _db(row.get(f"{column} low")), _db(row.get(f"{column} high"))
        others = [_db(row[f"{target} {metric}"]) for metric in METRICS[1:]]
        title = comparison.title(str(row["system"]), target)
        lines.append(_row(title, _db(row[column]), f"{low} to {high}", *others, int(row[f"{target} tracks"])))
    return "\n".join(lines)


def other_stems_note(comparison: Comparison, target: str) -> list[str]:
    """Return a note about the rows that were scored with another set of stems, if there are any."""
    scored_otherwise = comparison.scored_otherwise(target)
    if not scored_otherwise:
        return []
    titles: dict[str, list[str]] = {}
    for name, among in scored_otherwise.items():
        titles.setdefault(among, []).append(title_of(name, comparison.records))
    rows = "; ".join(f"{' and '.join(names)} among {_stems(among)}" for among, names in titles.items())
    return [
        "† scored with a different set of stems. That changes the frames and the interference, so these rows are not "
        f"compared with the others: {rows}. The others were scored among {_stems(comparison.gathered.usual[target])}."
    ]


def _stems(among: str) -> str:
    return among if "," in among else "an unknown set of stems"


def friedman_text(scores: pd.DataFrame, target: str) -> str:
    """Return the result of Friedman's test that all trained systems are alike."""
    p, tracks = friedman(scores, target, "SDR")
    if np.isnan(p):
        return "Too few systems or common tracks for Friedman's test."
    return f"Friedman's test that all trained systems are alike, on {tracks} common tracks: p = {p:.2g}."


def costs_table(comparison: Comparison) -> str:
    """Return the costs of every system whose speed is known."""
    known = comparison.summary
    known = known[known["times real time"].notna() | known["times real time, one core"].notna()]
    lines = _head(
        "system", "weights (M)", "GMAC a second", "× real time, eager fp32", "× real time, fast",
        "× real time, one core, scored", "peak memory (MB)", "size (MB)", "training (min)",
    )  # fmt: skip
    for row in known.to_dict("records"):
        cells = [_scaled(row[column], unit, decimals) for column, unit, decimals in _COST_COLUMNS]
        lines.append(_row(row["title"], *cells))
    return "\n".join(lines)


_COST_COLUMNS = (
    ("weights", 1e6, 2),
    ("multiply-adds a second", 1e9, 2),
    ("times real time", 1, 1),
    ("times real time, fast", 1, 1),
    ("times real time, one core", 1, 1),
    ("peak memory", 1e6, 0),
    ("size", 1e6, 1),
    ("training seconds", 60, 1),
)
"""Columns of comparison.csv with the unit and the number of decimals that the table shows."""


def pairs_table(comparison: Comparison, target: str) -> str:
    """Return the differences of all pairs of systems, with notes on the p-values; only pairs.csv has the baselines."""
    pairs = comparison.pairs
    rows = pairs[(pairs["target"] == target) & (pairs["metric"] == "SDR") & pairs["mean"].notna()]
    rows = rows[~rows[["first", "second"]].map(is_baseline).any(axis="columns")]
    if rows.empty:
        return f"No two systems share {FEWEST_TRACKS} tracks that were scored alike, so there are no differences."
    groups = {str(among): group for among, group in rows.groupby("among", sort=False)}
    tables = {among: _one_pairs_table(comparison, group) for among, group in groups.items()}
    if len(tables) == 1:
        return next(iter(tables.values()))
    return "\n\n".join(f"Scored among {_stems(among)}:\n\n{table}" for among, table in tables.items())


def lost_frames_text(comparison: Comparison, target: str) -> list[str]:
    """Return a note about the frames in which only an estimate is silent, if there are any."""
    scores = comparison.gathered.scores
    lost = scores[(scores[TARGET] == target) & (scores[METRIC] == "SDR") & (scores[LOST_FRAMES] > 0)]
    if lost.empty:
        return []
    counts = lost.groupby(SYSTEM, sort=False)[LOST_FRAMES].sum()
    named = ", ".join(f"{int(count)} of {title_of(str(name), comparison.records)}" for name, count in counts.items())
    return [f"Frames in which only an estimate is silent count in these tests by the definition of SDR: {named}."]


def _one_pairs_table(comparison: Comparison, rows: pd.DataFrame) -> str:
    level = 1 - comparison.config.confidence
    all_tracks = count_text(int(rows["tracks_conover"].iloc[0]), "track")
    lines = _head(
        "pair", f"mean difference, {comparison.config.confidence:.0%}", "median", "tracks", "p, Wilcoxon", "p, Holm",
        f"p, Conover, {all_tracks}", f"differ at {level:.0%}",
    )  # fmt: skip
    for row in rows.to_dict("records"):
        first, second = (title_of(str(row[side]), comparison.records) for side in ("first", "second"))
        mean = f"{_signed(row['mean'])} ({_signed(row['low'])} to {_signed(row['high'])})"
        p_values = [f"{row[name]:.2g}" if np.isfinite(row[name]) else _UNKNOWN for name in ("p", "p_holm", "p_conover")]
        differ = "yes" if row["p_holm"] < level else "no"
        lines.append(_row(f"{first} − {second}", mean, _signed(row["median"]), row["tracks"], *p_values, differ))
    explanation = (
        "Differences and Wilcoxon's test use the tracks that the two systems share; the column has their number. "
        f"Conover's test ranks all systems at once, so it uses the {all_tracks} that all of them share. "
        "Holm's method corrects Wilcoxon's p for the number of pairs; Conover's p is corrected as well."
    )
    return f"{explanation}\n\n" + "\n".join(lines)


def published_table() -> str:
    """Return the scores that others published."""
    lines = _head("system", "trained on", "vocals SDR", *METRICS[1:], "accompaniment SDR", "source")
    for row in QUOTED:
        numbers = [_UNKNOWN if value is None else f"{value:.2f}" for value in (*row.vocals, row.accompaniment)]
        lines.append(_row(row.system, row.trained_on, *numbers, row.source))
    where = "On the 50 whole songs of MUSDB18's test split: not to be compared with excerpts, and not measured here."
    return f"{where} {PAPER_MODEL}\n\n" + "\n".join(lines)


def _head(*titles: str) -> list[str]:
    return [_row(*titles), "|---" * len(titles) + "|"]


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"  # a bar would end the cell


def count_text(count: int, what: str) -> str:
    """Return a number with its noun: 1 track, 2 tracks."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _db(value: Any) -> str:
    return f"{value:.2f}".replace("-", "−") if value is not None and np.isfinite(value) else _UNKNOWN


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _scaled(value: Any, unit: float, decimals: int) -> str:
    return _UNKNOWN if value is None or not np.isfinite(value) else f"{value / unit:.{decimals}f}"
