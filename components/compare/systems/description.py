"""What is known of a system beside its scores, from the files in its folder.

system.json            its title; how much its training saw, or where a model comes from that was not trained here
costs.json             what components.compare.systems.costs measured
run.json               its MLflow run
evaluate/speed.csv     seconds of music separated a second of one core, of the system and its post-processings
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from components.compare.systems.baselines import fixed_title, is_fixed
from components.core.base.files import digest_folder
from components.core.data import artifacts

_DIGITS = 12  # of a digest, enough to tell files apart


@dataclass(frozen=True)
class Facts:
    """Of a system: its title, costs.json, how long it was trained, and speeds on one core of a machine by row's name.

    `origin` says what a model is that was not trained here, `recipe` how much the training of another saw, `scores`
    where scores come from that were not measured here, `run` the MLflow run in which all of it can be found.
    """

    title: str
    costs: Mapping[str, Any] = field(default_factory=dict)
    training_seconds: float | None = None
    one_core: Mapping[str, float] = field(default_factory=dict)
    one_core_machine: str = ""
    origin: str = ""
    recipe: str = ""
    scores: str = ""
    run: str = ""


def read_facts(folder: Path, training_seconds: Mapping[str, float]) -> dict[str, Facts]:
    """Return the facts of every system below `folder`, as far as they are there."""
    found = {}
    for path in sorted(folder.glob("*/evaluate")):
        name = path.parent.name
        system, costs = (_document(path.parent / file) for file in ("system.json", "costs.json"))
        speeds, machine = _one_core(path / "speed.csv")
        found[name] = Facts(
            str(system.get("title", name)), costs, training_seconds.get(name), speeds, machine,
            str(system.get("origin", "")), _recipe(system.get("recipe", {})),
            run=str(_document(artifacts.RUN.within(path.parent)).get("run_id", "")),
        )  # fmt: skip
    return found


def facts_of_others(others: Mapping[str, Path]) -> dict[str, Facts]:
    """Return for the systems whose scores others made, by name, where these lie and which they are."""
    return {
        name: Facts(
            f"{name}, scores of others",
            scores=f"museval's files in {folder}, SHA-256 {digest_folder(folder, '*.json')[:_DIGITS]} …",
        )
        for name, folder in others.items()
    }


def _recipe(said: Mapping[str, Any]) -> str:
    try:
        return f"{said['steps']} steps of {said['batch']} crops of {said['crop_seconds']:g} s"
    except KeyError:  # a folder of an older comparison
        return ""


def title_of(system: str, facts: Mapping[str, Facts]) -> str:
    """Return a system's title, as tables and pictures have it."""
    if is_fixed(system):
        return fixed_title(system)
    name, plus, post = system.partition("+")
    title = facts[name].title if name in facts else name
    return f"{title} + {post.upper()}" if plus else title


def cost_columns(system: str, facts: Mapping[str, Facts]) -> dict[str, Any]:
    """Return the columns of comparison.csv on what a system costs, None where that is not known, and its MLflow run.

    Of a post-processed one what it shares with its network; speed and memory were measured without the processing.
    """
    name, plus, _ = system.partition("+")
    known = facts.get(name, Facts(name))
    measured = {} if plus else known.costs
    return {
        "weights": known.costs.get("weights"),
        "multiply-adds a second": known.costs.get("multiply_adds_a_second"),
        "times real time": measured.get("times_real_time"),
        "times real time, fast": measured.get("times_real_time_fast"),
        "times real time, one core": known.one_core.get(system.replace(name, "model", 1)),
        "peak memory": measured.get("peak_memory_bytes"),
        "size": known.costs.get("size_bytes"),
        "training seconds": known.training_seconds,
        "run": known.run,
    }


def _one_core(path: Path) -> tuple[dict[str, float], str]:
    """Return the speeds by row's name, and the machine: DVC keeps what was measured on another one."""
    if not path.is_file():
        return {}, ""
    table = pd.read_csv(path)
    speeds = {str(name): float(value) for name, value in zip(table["system"], table["times_real_time"], strict=True)}
    return speeds, str(table["machine"].iloc[0]) if "machine" in table else ""


def _document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found
