"""Scores of systems that nobody trained, as `evaluate` would leave them."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

TRACKS = tuple(f"made/test/Artist {number} - Song {number}" for number in range(12))
METRICS = ("SDR", "SIR", "SAR", "ISR")


def write_system(
    folder: Path,
    name: str,
    levels: Mapping[str, float],
    targets: tuple[str, ...] = ("vocals", "accompaniment"),
    seed: int = 0,
    **test: object,
) -> None:
    """Write scores.csv and test.json of a system whose rows (`model`, `mixture` …) lie at `levels` dB."""
    place = folder / name / "evaluate"
    place.mkdir(parents=True)
    difficulty = np.random.default_rng(99).normal(0, 3, len(TRACKS))
    random = np.random.default_rng(seed)
    rows = [
        {"track": track, "system": system, "target": target, "metric": metric, "reason": "",
         "value": level + difficulty[number] + random.normal(0, 0.3), "frames": 7, "nan_frames": 0}
        for system, level in levels.items()
        for target in targets
        for metric in METRICS
        for number, track in enumerate(TRACKS)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(place / "scores.csv", index=False)
    stems = [target for target in targets if len(targets) == 2 or target != "accompaniment"]
    document = {
        "targets": stems,
        "tracks": list(TRACKS),
        "datasets": ["made"],
        "window_seconds": 1.0,
        "scorer": "BSS Eval v4",
    }
    (place / "test.json").write_text(json.dumps(document | test), encoding="utf-8")
    (folder / name / "system.json").write_text(json.dumps({"title": name.title()}), encoding="utf-8")


def write_museval(path: Path, values: Mapping[str, list[float | None]]) -> None:
    """Write a file of museval's with the same frames for every metric."""
    path.parent.mkdir(parents=True, exist_ok=True)
    targets = [
        {"name": target, "frames": [{"time": t, "duration": 1.0, "metrics": dict.fromkeys(METRICS, value)}
                                    for t, value in enumerate(frames)]}
        for target, frames in values.items()
    ]  # fmt: skip
    path.write_text(json.dumps({"targets": targets}), encoding="utf-8")
