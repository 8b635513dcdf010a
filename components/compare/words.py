"""The comparison to read, as Markdown: tables, what they were measured on, and what others published."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from components.compare.config import CompareConfig
from components.compare.facts import Facts, title_of
from components.compare.fixed import is_fixed
from components.compare.gathering import Gathered
from components.compare.published import PAPER_MODEL, QUOTED
from components.compare.statistics import FEWEST_TRACKS, by_track, friedman
from components.compare.table import best_system
from components.core.labels import label_datasets
from components.core.metrics import METRICS

_NO = "–"
_NAMED = 3  # of files that fit no track
_DIGITS = 12  # of a commit

_OUR_WAY = (
    "What was not trained here runs in our separator, where segments overlap by half and stems add up to the mixture: "
    "its rows are not what its authors' own programs give."
)


@dataclass(frozen=True)
class Comparison:
    """All there is to write about: the scores, a row a system, a row a pair, facts, settings, day and commit."""

    gathered: Gathered
    summary: pd.DataFrame
    pairs: pd.DataFrame
    facts: Mapping[str, Facts]
    config: CompareConfig
    day: date
    commit: str

    @property
    def targets(self) -> list[str]:
        """The targets that any system has, in the order of the scores."""
        return [str(target) for target in dict.fromkeys(self.gathered.scores["target"])]

    def reference(self, target: str) -> str | None:
        """Return the system that pictures compare with: `compare.reference` where it has scores, else the best."""
        missed = self.config.reference is None or self.misses_reference(target)
        return best_system(self.gathered.comparable, target) if missed else self.config.reference

    def misses_reference(self, target: str) -> bool:
        """Return whether a reference was asked for that has no scores of this target that compare."""
        known = by_track(self.gathered.comparable, target, "SDR").dropna(axis="columns", how="all")
        return self.config.reference is not None and self.config.reference not in known

    def otherwise(self, target: str) -> dict[str, str]:
        """Return which systems were scored among other stems than most, and among which."""
        rows = self.gathered.scores[self.gathered.scores["target"] == target]
        odd = rows[rows["among"] != self.gathered.usual[target]]
        return {str(system): str(among) for system, among in zip(odd["system"], odd["among"], strict=True)}

    def title(self, system: str, target: str) -> str:
        """Return a system's title, with a sign where its scores of `target` are not to be compared with the rest."""
        return f"{title_of(system, self.facts)}{' †' if system in self.otherwise(target) else ''}"


def as_markdown(comparison: Comparison) -> str:
    """Return the comparison as a page of Markdown."""
    parts = [f"# Comparison\n\n{_heading(comparison)}"]
    for target in comparison.targets:
        table = _target_table(comparison, target)
        about = [*_marked(comparison, target), _verdict(comparison.gathered.comparable, target)]
        parts.append("\n\n".join([f"## {target.capitalize()}", table, *about]))
    parts.append(f"## What they cost\n\n{_costs_table(comparison)}")
    parts += [f"## Differences: {target} SDR\n\n{_pairs_table(comparison, target)}" for target in comparison.targets]
    parts.append(f"## Published by others, quoted\n\n{_quoted()}")
    return "\n\n".join(parts) + "\n"


def material(test: Mapping[str, Any]) -> str:
    """Say in a few words what was scored: how many tracks of which data sets."""
    datasets = label_datasets(test.get("datasets", []))
    return f"{_counted(len(test['tracks']), 'test track')} of {datasets}"


def _heading(comparison: Comparison) -> str:
    """Say what was measured, on what, by what, where and when."""
    test = comparison.gathered.test
    paragraphs = [
        f"Measured: {material(test)}; {test['scorer']}, median over frames of {test['window_seconds']:g} s, then over "
        "tracks, in dB.",
        f"Speed, memory: {_machines(comparison.facts.values())}. Compared on {comparison.day.isoformat()} "
        f"by commit {comparison.commit[:_DIGITS]}; every row's MLflow run stands in comparison.csv.",
    ]
    paragraphs += _recipes(comparison.facts)
    if pretrained := [f"{name}: {facts.origin}" for name, facts in comparison.facts.items() if facts.origin]:
        paragraphs.append(f"Not trained here, and on data that may hold the test tracks: {'. '.join(pretrained)}.")
        paragraphs.append(_OUR_WAY)
    others = {name: found.scores for name, found in comparison.facts.items() if found.scores}
    paragraphs += [f"Not measured here: {name}, {scores}." for name, scores in others.items()]
    for name, files in comparison.gathered.unmatched.items():
        shown = ", ".join(files[:_NAMED]) + (" …" if len(files) > _NAMED else "")
        are = "is" if len(files) == 1 else "are"
        paragraphs.append(f"{name}: {_counted(len(files), 'file')} {are} about other tracks ({shown}).")
    paragraphs += [f"Left out, scores of {name}: {reason}." for name, reason in comparison.gathered.failed.items()]
    if missed := [target for target in comparison.targets if comparison.misses_reference(target)]:
        paragraphs.append(
            f"compare.reference, {comparison.config.reference}, has no scores of {', '.join(missed)} to compare with: "
            "pictures of differences compare with the best there."
        )
    return "\n\n".join(paragraphs)


def _machines(facts: Iterable[Facts]) -> str:
    """Say on what was measured; the speed on one core may come from an earlier scoring, elsewhere."""
    found = list(facts)
    now = {str(known.costs["machine"]) for known in found if "machine" in known.costs}
    scored = {known.one_core_machine for known in found if known.one_core_machine}
    scored = {machine for machine in scored if not any(one.startswith(machine) for one in now)}
    elsewhere = [f"on one core, when it was scored: {', '.join(sorted(scored))}"] if scored else []
    return "; ".join([*sorted(now), *elsewhere]) or "not measured"


def _recipes(facts: Mapping[str, Facts]) -> list[str]:
    """Say how much each training saw: in one sentence where all saw the same."""
    seen: dict[str, list[str]] = {}
    for found in facts.values():
        if found.recipe:
            seen.setdefault(found.recipe, []).append(found.title)
    if len(seen) == 1:
        return [f"Trained here, each for {next(iter(seen))}, the same crops for systems of the same stems."]
    return [f"Trained here for {recipe}: {', '.join(titles)}." for recipe, titles in seen.items()]


def _target_table(comparison: Comparison, target: str) -> str:
    summary, column = comparison.summary, f"{target} SDR"
    rows = summary[summary[column].notna()].sort_values(column, ascending=False, kind="stable")
    lines = _head("system", "SDR", f"{comparison.config.confidence:.0%} interval", *METRICS[1:], "tracks")
    for row in rows.to_dict("records"):
        low, high = _db(row.get(f"{column} low")), _db(row.get(f"{column} high"))
        others = [_db(row[f"{target} {metric}"]) for metric in METRICS[1:]]
        title = comparison.title(str(row["system"]), target)
        lines.append(_row(title, _db(row[column]), f"{low} to {high}", *others, int(row[f"{target} tracks"])))
    return "\n".join(lines)


def _marked(comparison: Comparison, target: str) -> list[str]:
    """Say which rows were scored among other stems, and among which, if any were."""
    odd = comparison.otherwise(target)
    if not odd:
        return []
    titles: dict[str, list[str]] = {}
    for name, among in odd.items():
        titles.setdefault(among, []).append(title_of(name, comparison.facts))
    rows = "; ".join(f"{' and '.join(found)} among {_stems(among)}" for among, found in titles.items())
    return [
        "† scored among other stems, so on other frames and against other interference, and not compared with the "
        f"rest: {rows}. The rest were scored among {_stems(comparison.gathered.usual[target])}."
    ]


def _stems(among: str) -> str:
    return among if "," in among else "stems that its files do not name"


def _verdict(scores: pd.DataFrame, target: str) -> str:
    p, tracks = friedman(scores, target, "SDR")
    if np.isnan(p):
        return "Too few systems or common tracks for Friedman's test."
    return f"Friedman's test that all trained systems are alike, on {tracks} common tracks: p = {p:.2g}."


def _costs_table(comparison: Comparison) -> str:
    """Return a row a trained system, and one a post-processing where its speed is known."""
    known = comparison.summary
    known = known[known["times real time"].notna() | known["times real time, one core"].notna()]
    lines = _head(
        "system", "weights (M)", "GMAC a second", "× real time, eager fp32", "× real time, fast",
        "× real time, one core, scored", "peak memory (MB)", "size (MB)", "training (min)",
    )  # fmt: skip
    for row in known.to_dict("records"):
        cells = [_scaled(row[column], unit, decimals) for column, unit, decimals in _COSTS]
        lines.append(_row(row["title"], *cells))
    return "\n".join(lines)


_COSTS = (
    ("weights", 1e6, 2),
    ("multiply-adds a second", 1e9, 2),
    ("times real time", 1, 1),
    ("times real time, fast", 1, 1),
    ("times real time, one core", 1, 1),
    ("peak memory", 1e6, 0),
    ("size", 1e6, 1),
    ("training seconds", 60, 1),
)
"""Columns of the summary, in which unit they are shown, and with how many decimals."""


def _pairs_table(comparison: Comparison, target: str) -> str:
    """Return every pair of trained systems, with what each p is about; floors and ceilings are in pairs.csv."""
    pairs = comparison.pairs
    rows = pairs[(pairs["target"] == target) & (pairs["metric"] == "SDR") & pairs["mean"].notna()]
    rows = rows[~rows[["first", "second"]].map(is_fixed).any(axis="columns")]
    if rows.empty:
        return f"No two systems have {FEWEST_TRACKS} tracks or more that were scored alike, as a difference needs."
    alike = {str(among): of_these for among, of_these in rows.groupby("among", sort=False)}
    tables = {among: _pairs_of_these(comparison, of_these) for among, of_these in alike.items()}
    if len(tables) == 1:
        return next(iter(tables.values()))
    return "\n\n".join(f"Scored among {_stems(among)}:\n\n{table}" for among, table in tables.items())


def _pairs_of_these(comparison: Comparison, rows: pd.DataFrame) -> str:
    level = 1 - comparison.config.confidence
    common = int(rows["tracks_conover"].iloc[0])
    lines = _head(
        "pair", f"mean difference, {comparison.config.confidence:.0%}", "median", "tracks", "p, Wilcoxon", "p, Holm",
        f"p, Conover, {_counted(common, 'track')}", f"differ at {level:.0%}",
    )  # fmt: skip
    for row in rows.to_dict("records"):
        first, second = (title_of(str(row[side]), comparison.facts) for side in ("first", "second"))
        mean = f"{_signed(row['mean'])} ({_signed(row['low'])} to {_signed(row['high'])})"
        p_values = [f"{row[name]:.2g}" if np.isfinite(row[name]) else _NO for name in ("p", "p_holm", "p_conover")]
        differ = "yes" if row["p_holm"] < level else "no"
        lines.append(_row(f"{first} − {second}", mean, _signed(row["median"]), row["tracks"], *p_values, differ))
    about = (
        "Differences and Wilcoxon's test are of the tracks that the two systems have, as many as the column says; "
        f"Conover's test ranks all systems at once, so it is of the {_counted(common, 'track')} that all of them have. "
        "Holm is Wilcoxon's p corrected for the number of pairs by Holm's method; Conover's is corrected as well."
    )
    return f"{about}\n\n" + "\n".join(lines)


def _quoted() -> str:
    lines = _head("system", "trained on", "vocals SDR", *METRICS[1:], "accompaniment SDR", "source")
    for row in QUOTED:
        numbers = [_NO if value is None else f"{value:.2f}" for value in (*row.vocals, row.accompaniment)]
        lines.append(_row(row.system, row.trained_on, *numbers, row.source))
    where = "On the 50 whole songs of MUSDB18's test split: not to be compared with excerpts, and not measured here."
    return f"{where} {PAPER_MODEL}\n\n" + "\n".join(lines)


def _head(*titles: str) -> list[str]:
    return [_row(*titles), "|---" * len(titles) + "|"]


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"  # a bar would end the cell


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _db(value: Any) -> str:
    return f"{value:.2f}".replace("-", "−") if value is not None and np.isfinite(value) else _NO


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _scaled(value: Any, unit: float, decimals: int) -> str:
    return _NO if value is None or not np.isfinite(value) else f"{value / unit:.{decimals}f}"
