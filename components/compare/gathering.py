"""The scores of all systems as one table, a row a system, target, metric and track.

SYSTEMS/<name>/evaluate/scores.csv, test.json    what `evaluate` wrote for the system
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.compare.names import require_free
from components.compare.others import read_others
from components.core.errors import UserError

COLUMNS = ("system", "target", "metric", "track", "value")
FIXED = ("mixture", "ibm", "irm1", "irm2", "mwf")
"""Floor and ceilings: they do not depend on the model, and keep their names."""

_POST = "model+"
_ALIKE = {
    "tracks": "tracks",
    "digest": "recordings of these tracks",
    "rate": "sampling rates",
    "channels": "numbers of channels",
    "window_seconds": "frames",
    "scorer": "scorers",
}
"""What test.json must say the same of every system, and how it is called."""


@dataclass(frozen=True)
class Gathered:
    """`scores` with COLUMNS (dB; NaN for none), what all were scored on (`test`, as in test.json), unmatched files."""

    scores: pd.DataFrame
    test: dict[str, Any]
    unmatched: dict[str, list[str]]


def gather(folder: Path, others: Mapping[str, Path]) -> Gathered:
    """Read the systems below `folder`, and the results of `others` for the targets that are scored here.

    Raises UserError when there is nothing, or when systems were scored on different tracks or in different ways.
    """
    folders = sorted(path.parent for path in folder.glob("*/evaluate/test.json"))
    if not folders:
        raise UserError(f"{folder} has no scores in it: `stemline compare` makes them")
    test = _common_test(folders)
    tables = [_of_system(path) for path in folders]
    targets = {str(target) for table in tables for target in table["target"]}
    unmatched = {}
    frames = pd.concat(tables).groupby("track")["frames"].max().to_dict()
    require_free("--scores", others, (*FIXED, *(path.parent.name for path in folders)))
    for name, place in others.items():
        table, unmatched[name] = read_others(name, place, {track: frames[track] for track in test["tracks"]})
        tables.append(table[table["target"].isin(targets)])
    scores = pd.concat(tables, ignore_index=True)
    # a floor or ceiling was scored once for each set of stems
    scores = scores.drop_duplicates(["system", "target", "metric", "track"])
    # a perfect estimate has an infinite score, of which there is no mean
    scores["value"] = scores["value"].replace([np.inf, -np.inf], np.nan)
    return Gathered(scores[list(COLUMNS)], test, {name: names for name, names in unmatched.items() if names})


def _common_test(folders: Sequence[Path]) -> dict[str, Any]:
    tests = {path.parent.name: json.loads((path / "test.json").read_text(encoding="utf-8")) for path in folders}
    first, wanted = next(iter(tests.items()))
    for name, test in tests.items():
        for key, what in _ALIKE.items():
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
