"""The comparison in words and numbers: one row a system, and what stands behind it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.compare.config import CompareConfig
from components.compare.gathering import FIXED, Gathered
from components.compare.published import QUOTED
from components.compare.statistics import by_track, friedman, interval

METRICS = ("SDR", "SIR", "SAR", "ISR")
_TITLES = {
    "mixture": "the mixture itself (floor)",
    "ibm": "IBM oracle",
    "irm1": "IRM1 oracle",
    "irm2": "IRM2 oracle",
    "mwf": "MWF oracle",
}
_NO = "–"


@dataclass(frozen=True)
class Facts:
    """What is known of a trained system beside its scores: its title, costs.json, and how long it was trained."""

    title: str
    costs: Mapping[str, Any]
    training_seconds: float | None


def read_facts(folder: Path, training_seconds: Mapping[str, float]) -> dict[str, Facts]:
    """Return the facts of every system below `folder`, as far as they are there."""
    found = {}
    for path in sorted(folder.glob("*/evaluate")):
        name = path.parent.name
        described = _document(path.parent / "system.json")
        found[name] = Facts(
            str(described.get("title", name)), _document(path.parent / "costs.json"), training_seconds.get(name)
        )
    return found


def summarise(gathered: Gathered, facts: Mapping[str, Facts], config: CompareConfig) -> pd.DataFrame:
    """Return a row a system: for every target the medians over tracks, the mean SDR's interval, and the costs."""
    scores = gathered.scores
    rows = []
    for system in dict.fromkeys(scores["system"]):
        of_system = scores[scores["system"] == system]
        row: dict[str, Any] = {"system": system, "title": _title(str(system), facts)}
        for target in dict.fromkeys(of_system["target"]):
            row |= _target_columns(of_system[of_system["target"] == target], str(target), config)
        rows.append(row | _cost_columns(facts.get(str(system).split("+")[0])))
    return pd.DataFrame(rows)


def _target_columns(rows: pd.DataFrame, target: str, config: CompareConfig) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for metric in METRICS:
        values = rows[rows["metric"] == metric]["value"].replace([np.inf, -np.inf], np.nan).dropna()
        columns[f"{target} {metric}"] = float(values.median()) if len(values) else float("nan")
        if metric == "SDR" and len(values) > 1:
            low, high = interval(values.to_numpy(dtype=np.float64), config)
            columns |= {f"{target} mean SDR": float(values.mean()), f"{target} low": low, f"{target} high": high}
    columns[f"{target} tracks"] = int(rows["track"].nunique())
    return columns


def _cost_columns(facts: Facts | None) -> dict[str, Any]:
    costs = facts.costs if facts else {}
    return {
        "weights": costs.get("weights"),
        "multiply-adds a second": costs.get("multiply_adds_a_second"),
        "times real time": costs.get("times_real_time"),
        "times real time, fast": costs.get("times_real_time_fast"),
        "peak memory": costs.get("peak_memory_bytes"),
        "size": costs.get("size_bytes"),
        "training seconds": facts.training_seconds if facts else None,
    }


def as_markdown(
    summary: pd.DataFrame, pairs: pd.DataFrame, gathered: Gathered, facts: Mapping[str, Facts], config: CompareConfig
) -> str:
    """Return the comparison as a page of Markdown."""
    targets = list(dict.fromkeys(gathered.scores["target"]))
    parts = [f"# Comparison\n\n{heading(gathered, facts)}"]
    for target in targets:
        parts.append(f"## {target.capitalize()}\n\n{_target_table(summary, target)}\n\n{_verdict(gathered, target)}")
    parts.append(f"## What they cost\n\n{_costs_table(summary)}")
    parts += [f"## Differences: {target} SDR\n\n{_pairs_table(pairs, target, config)}" for target in targets]
    parts.append(f"## Published by others, quoted\n\n{_quoted()}")
    return "\n\n".join(parts) + "\n"


def heading(gathered: Gathered, facts: Mapping[str, Facts]) -> str:
    """Say what was measured, on what, by what."""
    test = gathered.test
    machines = sorted({str(fact.costs["machine"]) for fact in facts.values() if "machine" in fact.costs})
    label = {"musdb18-7s": "MUSDB18-7 (7-second excerpts)"}
    datasets = " + ".join(label.get(name, name) for name in test.get("datasets", []))
    lines = [
        f"Measured: {len(test.get('tracks', []))} test tracks of {datasets}; {test.get('scorer', 'museval v4')}, "
        f"median over frames of {test.get('window_seconds', 1.0):g} s, then over tracks, in dB.",
        f"Speed, memory: {'; '.join(machines) or 'not measured'}.",
    ]
    lines += [f"{name}: {len(names)} files are about other tracks." for name, names in gathered.unmatched.items()]
    return "\n".join(lines)


def _target_table(summary: pd.DataFrame, target: str) -> str:
    column = f"{target} SDR"
    if column not in summary:
        return ""
    rows = summary[summary[column].notna()].sort_values(column, ascending=False, kind="stable")
    lines = ["| system | SDR | mean SDR, 95 % | SIR | SAR | ISR | tracks |", "|---|---|---|---|---|---|---|"]
    for row in rows.to_dict("records"):
        mean, low, high = (_db(row.get(f"{target} {name}")) for name in ("mean SDR", "low", "high"))
        others = " | ".join(_db(row[f"{target} {metric}"]) for metric in METRICS[1:])
        count = int(row[f"{target} tracks"])
        lines.append(f"| {row['title']} | {_db(row[column])} | {mean} ({low} to {high}) | {others} | {count} |")
    return "\n".join(lines)


def _verdict(gathered: Gathered, target: str) -> str:
    trained = gathered.scores[~gathered.scores["system"].isin(FIXED)]
    p, tracks = friedman(trained, target, "SDR")
    if np.isnan(p):
        return "Too few systems or tracks for Friedman's test."
    return f"Friedman's test that all trained systems are alike, on {tracks} common tracks: p = {p:.2g}."


def _costs_table(summary: pd.DataFrame) -> str:
    known = summary[summary["weights"].notna() & ~summary["system"].str.contains("+", regex=False)]
    lines = [
        "| system | weights (M) | GMAC a second | x real time, eager fp32 | x real time, fast | peak memory (MB) "
        "| size (MB) | training (min) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in known.to_dict("records"):
        cells = [
            _scaled(row["weights"], 1e6, 2), _scaled(row["multiply-adds a second"], 1e9, 2),
            _scaled(row["times real time"], 1, 1), _scaled(row["times real time, fast"], 1, 1),
            _scaled(row["peak memory"], 1e6, 0), _scaled(row["size"], 1e6, 1), _scaled(row["training seconds"], 60, 1),
        ]  # fmt: skip
        lines.append(f"| {row['title']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _pairs_table(pairs: pd.DataFrame, target: str, config: CompareConfig) -> str:
    """Return every pair of trained systems; floors and ceilings are in pairs.csv."""
    rows = pairs[(pairs["target"] == target) & (pairs["metric"] == "SDR")]
    rows = rows[~rows["first"].isin(FIXED) & ~rows["second"].isin(FIXED) & rows["mean"].notna()]
    lines = [
        f"| pair | mean difference, {config.confidence:.0%} | median | tracks | p, Wilcoxon | p, Holm |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows.to_dict("records"):
        bounds = f"{row['mean']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
        lines.append(
            f"| {row['first']} − {row['second']} | {bounds} | {row['median']:+.2f} | {row['tracks']} | {row['p']:.2g} "
            f"| {row['p_holm']:.2g} |"
        )
    return "\n".join(lines)


def _quoted() -> str:
    lines = [
        "On the 50 whole songs of MUSDB18's test split: not to be compared with excerpts, and not measured here.",
        "",
        "| system | trained on | vocals SDR | SIR | SAR | ISR | accompaniment SDR | source |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in QUOTED:
        numbers = " | ".join(_NO if value is None else f"{value:.2f}" for value in (*row.vocals, row.accompaniment))
        lines.append(f"| {row.system} | {row.trained_on} | {numbers} | {row.source} |")
    return "\n".join(lines)


def best_system(scores: pd.DataFrame, target: str) -> str | None:
    """Return the system, none that knows the answer, with the best median SDR; None where there is none."""
    names = [str(name) for name in by_track(scores, target, "SDR") if name not in FIXED]
    return names[0] if names else None


def title_of(system: str, facts: Mapping[str, Facts]) -> str:
    """Return a system's title, as tables and pictures have it."""
    return _title(system, facts)


def _title(system: str, facts: Mapping[str, Facts]) -> str:
    if system in FIXED:
        return _TITLES[system]
    name, plus, post = system.partition("+")
    title = facts[name].title if name in facts else name
    return f"{title} + {post.upper()}" if plus else title


def _db(value: Any) -> str:
    return f"{value:.2f}".replace("-", "−") if value is not None and np.isfinite(value) else _NO


def _scaled(value: Any, unit: float, decimals: int) -> str:
    return _NO if value is None or not np.isfinite(value) else f"{value / unit:.{decimals}f}"


def _document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found
