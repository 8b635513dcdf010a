"""The training curves of the last run: loss and validation SDR."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from components.core.data.artifacts import CURVES
from components.report.drawing.chart import Chart, draw_chart
from components.report.sources.step_files import Unavailable, read_table

_SDR_SUFFIX = "_sdr"


@dataclass(frozen=True)
class TrainingPart:
    """The charts and their numbers: `columns`, and a row for each validation; the model is that of `kept_step`."""

    charts: tuple[Chart, ...]
    kept_step: int | None
    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


def read_training(workspace: Path) -> TrainingPart:
    """Read the curves; raises Unavailable when there are none."""
    missing = "There are no training curves yet: train has not run."
    table = read_table(CURVES.below(workspace), ("step",), missing)
    table = table.select_dtypes("number")
    if "step" not in table or table.empty:
        raise Unavailable(f"{CURVES.path} has no validation yet.")
    sdr = [str(name) for name in table.columns if str(name).endswith(_SDR_SUFFIX)]
    step = _find_kept_step(table, sdr)
    groups = [("Loss", "", ["loss"] if "loss" in table else []), ("Validation SDR", "dB", sdr)]
    charts = [_chart(title, unit, table, names, step) for title, unit, names in groups if names]
    rows = tuple(tuple(float(value) for value in row) for row in table.itertuples(index=False))
    return TrainingPart(tuple(charts), step, tuple(_curve_name(str(column)) for column in table.columns), rows)


def _find_kept_step(table: pd.DataFrame, sdr: Sequence[str]) -> int | None:
    """Return the first step with the best mean SDR: the training keeps the model of this step."""
    if not sdr:
        return None
    means = table[list(sdr)].mean(axis=1, skipna=False).to_numpy(dtype=float)
    finite = np.isfinite(means)
    return int(table["step"].to_numpy()[finite][means[finite].argmax()]) if finite.any() else None


def _chart(title: str, unit: str, table: pd.DataFrame, names: Sequence[str], kept: int | None) -> Chart:
    series = {_curve_name(name): [float(value) for value in table[name]] for name in names}
    return draw_chart(title, unit, "steps", [float(step) for step in table["step"]], series, 0.0, kept)


def _curve_name(column: str) -> str:
    return column.removesuffix(_SDR_SUFFIX)
