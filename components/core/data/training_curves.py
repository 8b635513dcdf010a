"""The results of a training as files: curves.csv, validation.csv and metrics.json."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pandas as pd
from pydantic import ConfigDict

from components.core.base.documents import Document
from components.core.base.files import whole_file
from components.core.data import artifacts

STEP, LOSS = "step", "loss"
"""Columns of curves.csv, with one SDR column per target."""

TARGET, SDR = "target", "SDR"
"""Columns of validation.csv, with `step`: a row per validation and target, since `dvc plots` needs fixed columns."""

_SDR_SUFFIX = "_sdr"


class TrainMetrics(Document):
    """The best validation, for `dvc metrics`: its step, its loss, and an SDR (dB) per target under `sdr_column`.

    A validation before the first step has no loss.
    """

    FILE: ClassVar[str] = artifacts.TRAIN_METRICS.file
    REMEDY: ClassVar[str] = "run `dvc repro train`"
    model_config = ConfigDict(frozen=True, extra="allow")

    __pydantic_extra__: dict[str, float]

    step: int
    loss: float | None = None


def sdr_column(target: str) -> str:
    """Return the column of a target's SDR in curves.csv."""
    return f"{target}{_SDR_SUFFIX}"


def sdr_columns(columns: Iterable[str]) -> dict[str, str]:
    """Return the target of each SDR column among `columns`."""
    return {column: column.removesuffix(_SDR_SUFFIX) for column in columns if column.endswith(_SDR_SUFFIX)}


def write_curves(folder: Path, rows: Sequence[Mapping[str, float]], best_step: int) -> None:
    """Write curves.csv (`rows`, one per validation), validation.csv and metrics.json (the row of `best_step`)."""
    curves = pd.DataFrame(rows)
    with whole_file(artifacts.CURVES.within(folder)) as partial:
        curves.to_csv(partial, index=False)
    targets = sdr_columns(curves.columns)
    by_target = curves.drop(columns=LOSS, errors="ignore").melt(STEP, var_name=TARGET, value_name=SDR)
    with whole_file(artifacts.VALIDATION.within(folder)) as partial:
        by_target.assign(target=by_target[TARGET].map(targets)).to_csv(partial, index=False)
    best = next(row for row in rows if row[STEP] == best_step)
    TrainMetrics.model_validate(best).write(folder)
