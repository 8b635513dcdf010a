"""Scores as the gate compares them: SDR by track and target, of one test set."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from components.core.base.errors import UserError

MODEL, MIXTURE = "model", "mixture"


@dataclass(frozen=True)
class Scores:
    """`sdr` maps a system (`model`, `mixture` …) to a table, a row a track, a column a target, in dB.

    `test_digest` is that of the tracks, `scorer` says what scored them and in frames of which length, `model` is the
    SHA-256 of the weights that were scored.
    """

    test_digest: str
    scorer: str
    model: str
    sdr: Mapping[str, pd.DataFrame]

    @property
    def targets(self) -> list[str]:
        """The targets that the model was scored on."""
        return [str(target) for target in self.sdr[MODEL].columns]


def read_scores(folder: Path) -> Scores:
    """Read what `evaluate` left in `folder`; raises UserError when it is not there, or does not say how it was made."""
    scores, test = folder / "scores.csv", folder / "test.json"
    for path in (scores, test):
        if not path.is_file():
            raise UserError(f"{path} does not exist: run `dvc repro evaluate` first")
    table = pd.read_csv(scores, keep_default_na=True)
    sdr = table[table["metric"] == "SDR"]
    systems = {
        str(system): rows.pivot(index="track", columns="target", values="value")[list(dict.fromkeys(rows["target"]))]
        for system, rows in sdr.groupby("system")
    }
    if MODEL not in systems:
        raise UserError(f"{scores} has no scores of the model: evaluate.systems in params.yaml must name it")
    said: dict[str, Any] = json.loads(test.read_text(encoding="utf-8"))
    try:
        scorer = f"{said['scorer']}, frames of {said['window_seconds']:g} s"
        return Scores(said["digest"], scorer, said["model"], systems)
    except KeyError as missing:
        raise UserError(f"{test} does not say {missing}: run `dvc repro --force evaluate`") from None


def paired(first: pd.DataFrame, second: pd.DataFrame, target: str) -> "pd.Series[float]":
    """Return first minus second, in dB, by track; those that one of the two has no score for are left out."""
    differences = first[target] - second[target]
    return differences[np.isfinite(differences)]


def unscored(judged: pd.DataFrame, other: pd.DataFrame, target: str) -> list[str]:
    """Return the tracks that the other has a score for, and the judged one has not: those it must not be spared."""
    scored = np.isfinite(other[target])
    missing = ~np.isfinite(judged[target].reindex(other.index))
    return [str(track) for track in other.index[scored & missing]]


def values_of(differences: "pd.Series[float]") -> NDArray[np.float64]:
    """Return the differences without their tracks."""
    return np.asarray(differences, dtype=np.float64)
