"""Records of the systems: their costs and origins, from the files in their folders.

system.json            its title, and the recipe of its training or its origin
costs.json             the measurements of components.compare.systems.costs
run.json               its MLflow run
evaluate/speed.csv     the speed on one core, of the system and its post-processings
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.compare.systems.row_names import baseline_title, is_baseline
from components.core.base.files import digest_folder
from components.core.data.artifacts import SPEED
from components.core.data.comparison_documents import Costs, Recipe, SystemDescription
from components.core.data.score_tables import MACHINE, MODEL, SPEEDS, SYSTEM, TIMES_REAL_TIME
from components.core.tracking.mlflow_runs import RunRef

_DIGITS = 12  # of a digest: enough to tell files apart


@dataclass(frozen=True)
class SystemRecord:
    """The costs and origin of a system; None for unknown values.

    title              its name in tables and pictures
    costs              its costs on this machine
    training_seconds   the time of its training
    one_core           the speed on one core, by row of speed.csv
    one_core_machine   the machine on which this was measured
    origin             for a model that was not trained here: its architecture, source and digest
    recipe             for a system that was trained here: its steps and crops
    scores             for a system that was scored elsewhere: the folder of its scores
    run                the MLflow run of the system
    """

    title: str
    costs: Costs | None = None
    training_seconds: float | None = None
    one_core: Mapping[str, float] = field(default_factory=dict)
    one_core_machine: str | None = None
    origin: str | None = None
    recipe: str | None = None
    scores: str | None = None
    run: str | None = None


def read_records(folder: Path, training_seconds: Mapping[str, float]) -> dict[str, SystemRecord]:
    """Return the record of every scored system below `folder`."""
    return {
        path.parent.name: _read_system(path.parent, training_seconds.get(path.parent.name))
        for path in sorted(folder.glob(f"*/{SPEED.writer}"))
    }


def _read_system(folder: Path, training_seconds: float | None) -> SystemRecord:
    described = (folder / SystemDescription.FILE).is_file()
    description = SystemDescription.read(folder) if described else SystemDescription(title=folder.name)
    one_core, machine = _read_one_core(folder / SPEED.writer)
    return SystemRecord(
        title=description.title,
        costs=Costs.read(folder) if (folder / Costs.FILE).is_file() else None,
        training_seconds=training_seconds,
        one_core=one_core,
        one_core_machine=machine,
        origin=description.origin,
        recipe=_recipe_text(description.recipe),
        run=RunRef.read(folder).run_id if (folder / RunRef.FILE).is_file() else None,
    )


def records_of_others(others: Mapping[str, Path]) -> dict[str, SystemRecord]:
    """Return the records of systems that were scored elsewhere: their folders, and digests of their files."""
    return {
        name: SystemRecord(
            f"{name}, scores of others",
            scores=f"museval's files in {folder}, SHA-256 {digest_folder(folder, '*.json')[:_DIGITS]} …",
        )
        for name, folder in others.items()
    }


def title_of(row: str, records: Mapping[str, SystemRecord]) -> str:
    """Return a row's title, as tables and pictures show it."""
    if is_baseline(row):
        return baseline_title(row)
    name, plus, post = row.partition("+")
    title = records[name].title if name in records else name
    return f"{title} + {post.upper()}" if plus else title


COSTS = (
    "weights",
    "multiply-adds a second",
    "times real time",
    "times real time, fast",
    "peak memory",
    "size",
    "training seconds",
)
"""Columns of comparison.csv with the measured costs of a system and its training."""


def cost_columns(row: str, records: Mapping[str, SystemRecord]) -> dict[str, Any]:
    """Return a row's costs and MLflow run for comparison.csv; None for unknown values.

    A post-processed row has the weights, size and training of its system. Only its speed on one core was measured, not
    its other speeds and memory.
    """
    name, plus, _ = row.partition("+")
    system = records.get(name, SystemRecord(name))
    costs, measured = system.costs, None if plus else system.costs
    return {
        "weights": costs and costs.weights,
        "multiply-adds a second": costs and costs.multiply_adds_a_second,
        "times real time": measured and measured.times_real_time,
        "times real time, fast": measured and measured.times_real_time_fast,
        "times real time, one core": system.one_core.get(row.replace(name, MODEL, 1)),
        "peak memory": measured and measured.peak_memory_bytes,
        "size": costs and costs.size_bytes,
        "training seconds": system.training_seconds,
        "run": system.run,
    }


def _recipe_text(recipe: Recipe | None) -> str | None:
    if recipe is None or recipe.batch is None or recipe.crop_seconds is None:
        return None
    return f"{recipe.steps} steps of {recipe.batch} crops of {recipe.crop_seconds:g} s"


def _read_one_core(folder: Path) -> tuple[dict[str, float], str | None]:
    """Return the speeds by row of speed.csv, and their machine, which may not be this one: DVC keeps old results."""
    if not SPEED.within(folder).is_file():
        return {}, None
    table = SPEEDS.read(folder)
    speeds = {str(row): float(value) for row, value in zip(table[SYSTEM], table[TIMES_REAL_TIME], strict=True)}
    return speeds, str(table[MACHINE].iloc[0]) if MACHINE in table else None
