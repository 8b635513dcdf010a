"""The scores of all systems as one table, a row a system, target, metric and track.

SYSTEMS/<name>/evaluate/scores.csv, test.json    what `evaluate` wrote for the system
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.compare.scores.museval_files import read_others
from components.compare.systems.baselines import Stems, fixed_row, has_oracles, is_fixed
from components.compare.systems.row_names import require_free
from components.core.base.errors import UserError
from components.core.base.step_command import error_line
from components.core.data.scored_stems import scored_together

COLUMNS = ("system", "target", "metric", "track", "value", "among")
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
    """`scores` with COLUMNS (dB; NaN for none), and what all were scored on (`test`, as in test.json).

    `usual` says of every target among which stems most systems here were scored, as `among` says of every row;
    `unmatched` are files of others that fit no track, `failed` why scores of others are not there, by name.
    """

    scores: pd.DataFrame
    test: dict[str, Any]
    usual: dict[str, str]
    unmatched: dict[str, list[str]]
    failed: dict[str, str]

    @property
    def comparable(self) -> pd.DataFrame:
        """The scores of which those of a target were made among the same stems, so can be compared."""
        return self.scores[self.scores["among"] == self.scores["target"].map(self.usual)]


def gather(folder: Path, others: Mapping[str, Path]) -> Gathered:
    """Read the systems below `folder`, and the results of `others` for the targets that are scored here.

    Of `others` one whose files cannot be read, or do not fit, is left out and named with its reason.

    Raises UserError when there is nothing, or when systems were scored on different tracks or in different ways.
    """
    folders = sorted(path.parent for path in folder.glob("*/evaluate/test.json"))
    if not folders:
        raise UserError(f"{folder} has no scores in it: `stemline compare` makes them")
    tests = {path.parent.name: json.loads((path / "test.json").read_text(encoding="utf-8")) for path in folders}
    test = _common_test(tests)
    tables = _of_systems({path.parent.name: pd.read_csv(path / "scores.csv") for path in folders}, tests)
    usual = _usual(pd.concat(tables))
    unmatched, failed = {}, {}
    frames = pd.concat(tables).groupby("track")["frames"].max().to_dict()
    require_free("--scores", others, (path.parent.name for path in folders))
    for name, place in others.items():
        try:
            table, unmatched[name] = read_others(
                name, place, {track: frames[track] for track in test["tracks"] if frames[track]}
            )
        except (UserError, OSError) as error:
            failed[name] = str(error_line(error)).removeprefix(f"--scores {name}: ")
            continue
        tables.append(table[table["target"].isin(usual)])
    scores = pd.concat(tables, ignore_index=True)
    # the floor was scored once for each set of stems, as a ceiling may have been twice: those that compare are kept
    unusual = scores["among"] != scores["target"].map(usual)
    scores = scores.loc[unusual.sort_values(kind="stable").index]
    scores = scores.drop_duplicates(["system", "target", "metric", "track"]).sort_index()
    # a perfect estimate has an infinite score, of which there is no mean
    scores["value"] = scores["value"].replace([np.inf, -np.inf], np.nan)
    return Gathered(
        scores[list(COLUMNS)], test, usual, {name: names for name, names in unmatched.items() if names}, failed
    )


def _common_test(tests: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    first, wanted = next(iter(tests.items()))
    for name, test in tests.items():
        for key, what in _ALIKE.items():
            if test.get(key) != wanted.get(key):
                raise UserError(f"{first} and {name} were scored with different {what}: compare them again together")
    return dict(wanted)


def _of_systems(tables: Mapping[str, pd.DataFrame], tests: Mapping[str, dict[str, Any]]) -> list[pd.DataFrame]:
    """Return the tables of all folders, by name, with the rows' names in place of those that `evaluate` gave them."""
    stems: dict[str, Stems] = {name: tuple(sorted(test["targets"])) for name, test in tests.items()}
    sets = {stems[name] for name, table in tables.items() if has_oracles(list(table["system"]))}
    return [
        table.assign(
            system=[_row(str(system), name, stems[name], sets) for system in table["system"]],
            among=[", ".join(sorted(scored_together(str(target), set(table["target"])))) for target in table["target"]],
        )
        for name, table in tables.items()
    ]


def _usual(table: pd.DataFrame) -> dict[str, str]:
    """Return of every target among which stems most systems were scored; of as many those that come first."""
    rows = table[["system", "target", "among"]].drop_duplicates()
    trained = rows[~rows["system"].map(is_fixed)]
    return {
        str(target): Counter(of_target["among"]).most_common(1)[0][0] for target, of_target in trained.groupby("target")
    }


def _row(system: str, folder: str, stems: Stems, sets: Collection[Stems]) -> str:
    if is_fixed(system):
        return fixed_row(system, stems, sets)
    return folder if system == "model" else f"{folder}+{system.removeprefix(_POST)}"
