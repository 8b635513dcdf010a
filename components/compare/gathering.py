"""The scores of all systems as one table, a row a system, target, metric and track.

SYSTEMS/<name>/evaluate/scores.csv, test.json    what `evaluate` wrote for the system
DIR/[test/]<track>.json                          what others published: museval's own files, by `--scores NAME=DIR`
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.core.errors import UserError

COLUMNS = ("system", "target", "metric", "track", "value")
FIXED = ("mixture", "ibm", "irm1", "irm2", "mwf")
"""Floor and ceilings: they do not depend on the model, and keep their names."""

_POST = "model+"


@dataclass(frozen=True)
class Gathered:
    """`scores` with COLUMNS (dB), what all were scored on (`test`, as in test.json), and names that did not match."""

    scores: pd.DataFrame
    test: dict[str, Any]
    unmatched: dict[str, list[str]]


def gather(folder: Path, others: dict[str, Path]) -> Gathered:
    """Read the systems below `folder` and the results of `others`.

    Raises UserError when there is nothing, or when systems were scored on different tracks or in different ways.
    """
    folders = sorted(path.parent for path in folder.glob("*/evaluate/test.json"))
    if not folders:
        raise UserError(f"{folder} has no scores in it: `stemline compare` makes them")
    test = _common_test(folders)
    tables = [_of_system(path) for path in folders]
    tracks = list(dict.fromkeys(tables[0]["track"]))
    unmatched = {}
    for name, place in others.items():
        table, unmatched[name] = _of_others(name, place, tracks)
        tables.append(table)
    scores = pd.concat(tables, ignore_index=True)
    # a floor or ceiling was scored once for each set of stems
    scores = scores.drop_duplicates(["system", "target", "metric", "track"])
    return Gathered(scores[list(COLUMNS)], test, {name: names for name, names in unmatched.items() if names})


def _common_test(folders: Iterable[Path]) -> dict[str, Any]:
    """Return test.json, which must say the same of every system but for the model and its targets."""
    tests = {path.parent.name: json.loads((path / "test.json").read_text(encoding="utf-8")) for path in folders}
    first, wanted = next(iter(tests.items()))
    for name, test in tests.items():
        for key, what in (("tracks", "tracks"), ("window_seconds", "frames"), ("scorer", "scorers")):
            if test.get(key) != wanted.get(key):
                raise UserError(f"{first} and {name} were scored with different {what}: compare them again together")
    return dict(wanted)


def _of_system(folder: Path) -> pd.DataFrame:
    table = pd.read_csv(folder / "scores.csv")
    table["system"] = [_name(str(system), folder.parent.name) for system in table["system"]]
    return table


def _name(system: str, folder: str) -> str:
    if system == "model":
        return folder
    return f"{folder}+{system.removeprefix(_POST)}" if system.startswith(_POST) else system


def _of_others(name: str, folder: Path, tracks: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the medians of museval's files for those of `tracks` that are there, and the files that fit none."""
    if not folder.is_dir():
        raise UserError(f"--scores {name}: {folder} is not a folder")
    inner = folder / "test" if (folder / "test").is_dir() else folder
    by_key = {_key(track): track for track in tracks}
    rows: list[dict[str, Any]] = []
    unmatched = []
    for path in sorted(inner.glob("*.json")):
        track = by_key.get(_key(path.stem))
        if track is None:
            unmatched.append(path.stem)
            continue
        rows += [{"system": name, "track": track, **row} for row in _medians(path)]
    if not rows:
        raise UserError(f"--scores {name}: no file in {inner} is about a track that was scored here (by its name)")
    return pd.DataFrame(rows), unmatched


def _key(name: str) -> str:
    """Return what two ways to write a track's name have in common: its last part's letters and digits."""
    return re.sub(r"[\W_]+", "", name.rsplit("/", 1)[-1].removesuffix(".stem").casefold())


def _medians(path: Path) -> Iterable[dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        for target in document["targets"]:
            for metric in ("SDR", "SIR", "SAR", "ISR"):
                values = np.array([_number(frame["metrics"].get(metric)) for frame in target["frames"]])
                finite = values[np.isfinite(values)]
                value = float(np.median(finite)) if finite.size else float("nan")
                yield {"target": target["name"], "metric": metric, "value": value}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError(f"{path} is not a file of museval's scores: leave it out") from None


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
