"""Training curves: the charts, and the numbers behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from components.report.drawing.chart import Chart, draw
from components.report.sources.reading import Unavailable, read_table

_SDR = "_sdr"


@dataclass(frozen=True)
class TrainingPart:
    """The charts, and the numbers behind them: `columns`, and a row a validation."""

    charts: tuple[Chart, ...]
    kept_step: int | None
    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


def read_training(workspace: Path) -> TrainingPart:
    """Read train/curves.csv; raises Unavailable when there is none, or nothing in it."""
    missing = "There are no training curves yet: train has not run."
    table = read_table(workspace / "train" / "curves.csv", ("step",), missing)
    table = table.select_dtypes("number")
    if "step" not in table or table.empty:
        raise Unavailable("train/curves.csv holds no validation yet.")
    sdr = [str(name) for name in table.columns if str(name).endswith(_SDR)]
    step = _kept_step(table, sdr)
    drawings = [("Loss", "", ["loss"] if "loss" in table else []), ("Validation SDR", "dB", sdr)]
    charts = [_chart(title, unit, table, names, step) for title, unit, names in drawings if names]
    rows = tuple(tuple(float(value) for value in row) for row in table.itertuples(index=False))
    return TrainingPart(tuple(charts), step, tuple(_name(str(column)) for column in table.columns), rows)


def _kept_step(table: pd.DataFrame, sdr: Sequence[str]) -> int | None:
    """The first step with the best mean SDR: there the training took its model from."""
    if not sdr:
        return None
    means = table[list(sdr)].mean(axis=1, skipna=False).to_numpy(dtype=float)
    finite = np.isfinite(means)
    return int(table["step"].to_numpy()[finite][means[finite].argmax()]) if finite.any() else None


def _chart(title: str, unit: str, table: pd.DataFrame, names: Sequence[str], kept: int | None) -> Chart:
    series = {_name(name): [float(value) for value in table[name]] for name in names}
    return draw(title, unit, "steps", [float(step) for step in table["step"]], series, 0.0, kept)


def _name(column: str) -> str:
    return column.removesuffix(_SDR)
