"""Scores of systems that nobody trained, as `evaluate` would leave them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.compare.config import CompareConfig
from components.core.data.comparison_documents import Costs, SystemDescription
from components.core.data.evaluation import Evaluation
from components.core.data.score_tables import METRICS, SCORES
from tests.support.params import section_with

TRACKS = tuple(f"made/test/Artist {number} - Song {number}" for number in range(12))


def compare_config(**changes: object) -> CompareConfig:
    """Return the section `compare` of params.yaml with few resamples, and with changes."""
    return section_with("compare", CompareConfig, **{"resamples": 1000, **changes})


def made_costs(**changes: Any) -> Costs:
    """Return costs of a system, with changes."""
    usual: dict[str, Any] = {
        "weights": 1_000_000,
        "multiply_adds_a_second": 2e9,
        "times_real_time": 10.0,
        "times_real_time_fast": 25.5,
    }
    usual |= {"fast_precision": "fp32", "seconds": 20.0, "peak_memory_bytes": 500_000_000, "size_bytes": 4_000_000}
    return Costs(**{**usual, "machine": "a machine", **changes})


def write_system(
    folder: Path,
    name: str,
    levels: Mapping[str, float],
    targets: tuple[str, ...] = ("vocals", "accompaniment"),
    seed: int = 0,
    **evaluation: Any,
) -> None:
    """Write the scores of a system whose rows (`model`, `mixture` …) lie at `levels` dB, and its description."""
    difficulty = np.random.default_rng(99).normal(0, 3, len(TRACKS))
    random = np.random.default_rng(seed)
    rows = [
        (track, system, target, metric, level + difficulty[number] + random.normal(0, 0.3), 7, 0, "", np.nan, 0)
        for system, level in levels.items()
        for target in targets
        for metric in METRICS
        for number, track in enumerate(TRACKS)
    ]
    place = folder / name / SCORES.artifact.writer
    SCORES.write(place, pd.DataFrame(rows, columns=list(SCORES.columns)))
    stems = tuple(target for target in targets if len(targets) == 2 or target != "accompaniment")
    usual = {"tracks": TRACKS, "digest": "these", "datasets": ("made",), "targets": stems, "rate": 44100, "channels": 2}
    usual |= {"window_seconds": 1.0, "scorer": "BSS Eval v4", "model": "weights"}
    Evaluation(**(usual | evaluation)).write(place)
    SystemDescription(title=name.title()).write(folder / name)


def write_museval(path: Path, values: Mapping[str, list[float | None]]) -> None:
    """Write a JSON file of museval with the same frames for every metric."""
    path.parent.mkdir(parents=True, exist_ok=True)
    targets = [
        {"name": target, "frames": [{"time": t, "duration": 1.0, "metrics": dict.fromkeys(METRICS, value)}
                                    for t, value in enumerate(frames)]}
        for target, frames in values.items()
    ]  # fmt: skip
    path.write_text(json.dumps({"targets": targets}), encoding="utf-8")
