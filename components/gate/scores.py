"""Scores as the gate compares them: SDR by track and target, of one test set."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.core.errors import UserError

MODEL = "model"


@dataclass(frozen=True)
class Scores:
    """`sdr` maps a system (`model`, `mixture` …) to a table, a row a track, a column a target, in dB."""

    test_digest: str
    sdr: Mapping[str, pd.DataFrame]

    @property
    def targets(self) -> list[str]:
        """The targets that the model was scored on."""
        return [str(target) for target in self.sdr[MODEL].columns]


def read_scores(folder: Path) -> Scores:
    """Read what `evaluate` left in `folder`; raises UserError when it is not there."""
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
    return Scores(json.loads(test.read_text(encoding="utf-8"))["digest"], systems)
