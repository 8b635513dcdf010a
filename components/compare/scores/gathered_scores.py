"""The scores of all systems in one table: the results of `evaluate`, and museval's files of other systems."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from components.compare.scores.museval_files import read_museval_scores
from components.compare.systems.row_names import Stems, baseline_row, has_oracles, is_baseline, require_unused
from components.core.base.errors import UserError
from components.core.base.step_command import error_line
from components.core.data.artifacts import TEST
from components.core.data.evaluation import Evaluation
from components.core.data.score_tables import (
    COUNTED,
    FRAMES,
    LOST_FRAMES,
    METRIC,
    MODEL,
    POST_PREFIX,
    SCORES,
    SYSTEM,
    TARGET,
    TRACK,
    VALUE,
    counted_values,
)
from components.core.data.scored_stems import AMONG, name_stem_set

COLUMNS = (SYSTEM, TARGET, METRIC, TRACK, VALUE, COUNTED, LOST_FRAMES, AMONG)

_COMMON = {
    "tracks": "tracks",
    "digest": "recordings of these tracks",
    "rate": "sampling rates",
    "channels": "numbers of channels",
    "window_seconds": "frames",
    "scorer": "scorers",
}
"""Fields of the evaluation in which all systems must agree, and their names in an error."""


@dataclass(frozen=True)
class GatheredScores:
    """The scores of all systems.

    scores       one row per system, target, metric and track (COLUMNS), in dB; NaN for no score
    evaluation   the test set and the scorer of all systems
    usual        by target the stems among which most systems were scored
    unmatched    by system of `--scores`: files that are about no track of the test set
    failed       by system of `--scores`: the reason why its scores are missing
    """

    scores: pd.DataFrame
    evaluation: Evaluation
    usual: dict[str, str]
    unmatched: dict[str, list[str]]
    failed: dict[str, str]

    @property
    def targets(self) -> list[str]:
        """All targets, in the order of the scores."""
        return [str(target) for target in dict.fromkeys(self.scores[TARGET])]

    @property
    def comparable(self) -> pd.DataFrame:
        """The scores that can be compared: those that were made among the usual stems of their target."""
        return self.scores[self.scores[AMONG] == self.scores[TARGET].map(self.usual)]


def gather_scores(folder: Path, others: Mapping[str, Path]) -> GatheredScores:
    """Read the systems below `folder`, and the systems `others` from their folders of museval files.

    A system of `others` whose files cannot be read, or do not fit, is left out; `failed` has the reason. Raises
    UserError when there are no scores, or when systems were scored on different tracks or in different ways.
    """
    folders = sorted(path.parent for path in folder.glob(f"*/{TEST.writer}/{TEST.file}"))
    if not folders:
        raise UserError(f"{folder} has no scores in it: `stemline compare` makes them")
    evaluations = {path.parent.name: Evaluation.read(path) for path in folders}
    evaluation = _common_evaluation(evaluations)
    tables = _name_rows({path.parent.name: SCORES.read(path) for path in folders}, evaluations)
    usual = _usual_stems(pd.concat(tables))
    frames = pd.concat(tables).groupby(TRACK)[FRAMES].max().to_dict()
    scored = {track: frames[track] for track in evaluation.tracks if frames[track]}
    unmatched, failed = {}, {}
    require_unused("--scores", others, evaluations)
    for name, place in others.items():
        try:
            table, unmatched[name] = read_museval_scores(name, place, scored)
        except (UserError, OSError) as error:
            failed[name] = str(error_line(error)).removeprefix(f"--scores {name}: ")
            continue
        tables.append(table[table[TARGET].isin(usual)])
    unmatched = {name: files for name, files in unmatched.items() if files}
    return GatheredScores(_merge(tables, usual), evaluation, usual, unmatched, failed)


def _merge(tables: list[pd.DataFrame], usual: Mapping[str, str]) -> pd.DataFrame:
    """Return all tables as one, without infinite scores and double rows.

    The mixture is scored once for every set of stems, and an oracle perhaps twice; the comparable row is kept.
    """
    scores = pd.concat(tables, ignore_index=True)
    unusual = scores[AMONG] != scores[TARGET].map(usual)
    scores = scores.loc[unusual.sort_values(kind="stable").index]
    scores = scores.drop_duplicates([SYSTEM, TARGET, METRIC, TRACK]).sort_index()
    scores[COUNTED] = counted_values(scores)
    scores[LOST_FRAMES] = scores[LOST_FRAMES].fillna(0) if LOST_FRAMES in scores else 0
    scores[[VALUE, COUNTED]] = scores[[VALUE, COUNTED]].replace([np.inf, -np.inf], np.nan)
    return scores[list(COLUMNS)]


def _common_evaluation(evaluations: Mapping[str, Evaluation]) -> Evaluation:
    first, expected = next(iter(evaluations.items()))
    for name, evaluation in evaluations.items():
        for field, title in _COMMON.items():
            if getattr(evaluation, field) != getattr(expected, field):
                raise UserError(f"{first} and {name} were scored with different {title}: compare them again together")
    return expected


def _name_rows(tables: Mapping[str, pd.DataFrame], evaluations: Mapping[str, Evaluation]) -> list[pd.DataFrame]:
    """Return the tables of all folders with the row names of the comparison and the column AMONG."""
    stems: dict[str, Stems] = {name: tuple(sorted(found.targets)) for name, found in evaluations.items()}
    oracle_stems = {stems[name] for name, table in tables.items() if has_oracles(list(table[SYSTEM]))}
    return [
        table.assign(
            **{
                SYSTEM: [_row_name(str(system), name, stems[name], oracle_stems) for system in table[SYSTEM]],
                AMONG: [name_stem_set(str(target), set(table[TARGET])) for target in table[TARGET]],
            }
        )
        for name, table in tables.items()
    ]


def _usual_stems(table: pd.DataFrame) -> dict[str, str]:
    """Return by target the stems among which most systems were scored; the first ones if there is a tie."""
    rows = table[[SYSTEM, TARGET, AMONG]].drop_duplicates()
    trained = rows[~rows[SYSTEM].map(is_baseline)]
    return {str(target): Counter(group[AMONG]).most_common(1)[0][0] for target, group in trained.groupby(TARGET)}


def _row_name(system: str, folder: str, stems: Stems, oracle_stems: Collection[Stems]) -> str:
    if is_baseline(system):
        return baseline_row(system, stems, oracle_stems)
    return folder if system == MODEL else f"{folder}+{system.removeprefix(POST_PREFIX)}"
