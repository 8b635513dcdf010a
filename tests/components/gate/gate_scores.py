"""Synthetic scores and results of the smoke test, for the tests of the gate."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from components.core.base.params import parse_section
from components.core.data.evaluation import Evaluation
from components.core.data.score_tables import SCORES
from components.core.models.smoke_test import SmokeResult
from components.gate.config import GateConfig
from components.gate.scores import Scores

TRACKS = 8
TARGETS = ("vocals", "accompaniment")
Values = Mapping[str, Sequence[float]]

_CONFIG: dict[str, object] = {
    "minimum_gain_db": {"vocals": 3.0, "accompaniment": 0.0},
    "rule": "not_worse",
    "better_in": [],
    "margin_db": 0.1,
    "confidence": 0.95,
    "minimum_tracks": 5,
    "resamples": 2000,
    "seed": 7,
    "stem_limit_db": 0.2,
    "slices": [],
    "slice_limit_db": 0.5,
    "slice_minimum_tracks": 3,
    "sum_error": 0.001,
    "slowest_times_real_time": 1.0,
    "largest_weights_mb": 100.0,
    "largest_memory_mb": 1000.0,
    "slowdown_limit": 2.0,
}
SCORER = "BSS Eval v4 by a test"


def gate_config(**changes: object) -> GateConfig:
    """Return the section `gate` with changes."""
    return parse_section("gate", _CONFIG | changes, GateConfig, "params.yaml")


def made_scores(
    model: Values,
    mixture: Values | None = None,
    targets: Sequence[str] = TARGETS,
    digest: str = "the same",
    names: Iterable[int] | None = None,
) -> Scores:
    """Return scores as the gate reads them: SDR in dB by target, one value per track."""
    systems = {"model": model} if mixture is None else {"model": model, "mixture": mixture}
    rows = {}
    for system, values in systems.items():
        chosen = {target: [float(value) for value in values[target]] for target in targets}
        count = len(chosen[targets[0]])
        index = [f"made/Song {number}" for number in (names or range(count))]
        rows[system] = pd.DataFrame(chosen, index=pd.Index(index, name="track"))
    return Scores(digest, SCORER, "weights", rows)


def write_scores(
    folder: Path,
    model: Values,
    mixture: Values | None = None,
    digest: str = "the same",
    window: float = 1.0,
    weights: str = "weights",
    channels: int = 2,
) -> Path:
    """Write the results of `evaluate` that the gate reads."""
    systems = {"model": model} if mixture is None else {"model": model, "mixture": mixture}
    rows = [
        (f"made/Song {number}", system, target, metric, value + offset, 7, 0, "", value + offset, 0)
        for system, values in systems.items()
        for target, sdr in values.items()
        for number, value in enumerate(sdr)
        for metric, offset in (("SDR", 0.0), ("SIR", 50.0))
    ]
    SCORES.write(folder, pd.DataFrame(rows, columns=list(SCORES.columns)))
    tracks = tuple(dict.fromkeys(row[0] for row in rows))
    Evaluation(
        tracks=tracks, digest=digest, datasets=("made",), targets=tuple(model), rate=44100, channels=channels,
        window_seconds=window, scorer=SCORER, model=weights,
    ).write(folder)  # fmt: skip
    return folder


def seen(**changes: object) -> SmokeResult:
    """Return the smoke test's result of a working model."""
    usual: dict[str, object] = {
        "times_real_time": 20.0,
        "memory_mb": 500.0,
        "weights_mb": 4.0,
        "largest_error": 1e-6,
        "targets": TARGETS,
        "sha256": "weights",
    }
    return SmokeResult(**(usual | changes))
