"""Scores as the gate compares them: the SDR of every track and target, on one test set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from components.core.base.errors import UserError
from components.core.data import artifacts
from components.core.data.evaluation import Evaluation
from components.core.data.score_tables import (
    LOST_FRAMES,
    METRIC,
    MODEL,
    SCORES,
    SYSTEM,
    TARGET,
    TRACK,
    VALUE,
    counted_values,
)


@dataclass(frozen=True)
class Scores:
    """The scores of one model.

    test_digest   identifies the test tracks
    scorer        the program that computed the scores, the length of its frames, sample rate and channels
    model         SHA-256 of the model's weights
    sdr           by system (`model`, `mixture` …) a table in dB: one row per track, one column per target; frames in
                  which an estimate alone is silent count against the system (score_tables.COUNTED)
    lost_frames   how many such frames the model has, by target
    """

    test_digest: str
    scorer: str
    model: str
    sdr: Mapping[str, pd.DataFrame]
    lost_frames: Mapping[str, int] = field(default_factory=dict)

    @property
    def targets(self) -> list[str]:
        """The targets that the model was scored on."""
        return [str(target) for target in self.sdr[MODEL].columns]


def read_scores(folder: Path) -> Scores:
    """Read the results of `evaluate` in `folder`; raises UserError when they are missing, damaged or incomplete."""
    table, evaluation = SCORES.read(folder), Evaluation.read(folder)
    table = table[table[METRIC] == "SDR"]
    table = table.assign(**{VALUE: counted_values(table)})
    systems = {
        str(system): rows.pivot(index=TRACK, columns=TARGET, values=VALUE)[list(dict.fromkeys(rows[TARGET]))]
        for system, rows in table.groupby(SYSTEM)
    }
    if MODEL not in systems:
        path = artifacts.SCORES.within(folder)
        raise UserError(f"{path} has no scores of the model: evaluate.systems in params.yaml must name it")
    lost = _count_lost_frames(table[table[SYSTEM] == MODEL])
    return Scores(evaluation.digest, evaluation.conditions, evaluation.model, systems, lost)


def _count_lost_frames(sdr: pd.DataFrame) -> dict[str, int]:
    if LOST_FRAMES not in sdr:  # an older file
        return {}
    return {str(target): int(rows[LOST_FRAMES].sum()) for target, rows in sdr.groupby(TARGET)}


def paired_differences(first: pd.DataFrame, second: pd.DataFrame, target: str) -> "pd.Series[float]":
    """Return first minus second, in dB, for every track that has a score in both."""
    differences = first[target] - second[target]
    return differences[np.isfinite(differences)]


def tracks_without_score(judged: pd.DataFrame, other: pd.DataFrame, target: str) -> list[str]:
    """Return the tracks that have a score in `other` but none in `judged`: a model must not gain by failing on them."""
    scored = np.isfinite(other[target])
    missing = ~np.isfinite(judged[target].reindex(other.index))
    return [str(track) for track in other.index[scored & missing]]
