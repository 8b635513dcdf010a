"""Scores made up for the tests of the gate."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from components.core.files import write_json
from components.core.params import parse_section
from components.gate.config import GateConfig
from components.gate.scores import Scores

TRACKS = 8
TARGETS = ("vocals", "accompaniment")
Values = Mapping[str, Sequence[float]]

_CONFIG: dict[str, object] = {
    "minimum_gain_db": {"vocals": 3.0, "accompaniment": 0.0},
    "margin_db": 0.1,
    "confidence": 0.95,
    "minimum_tracks": 5,
    "resamples": 2000,
    "seed": 7,
}


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
    """Return scores as the gate reads them: SDR in dB by target, one value a track."""
    systems = {"model": model} if mixture is None else {"model": model, "mixture": mixture}
    rows = {}
    for system, values in systems.items():
        chosen = {target: [float(value) for value in values[target]] for target in targets}
        count = len(chosen[targets[0]])
        index = [f"made/Song {number}" for number in (names or range(count))]
        rows[system] = pd.DataFrame(chosen, index=pd.Index(index, name="track"))
    return Scores(digest, rows)


def write_scores(folder: Path, model: Values, mixture: Values | None = None, digest: str = "the same") -> Path:
    """Write what `evaluate` leaves behind, as far as the gate reads it."""
    systems = {"model": model} if mixture is None else {"model": model, "mixture": mixture}
    rows = [
        {"track": f"made/Song {number}", "system": system, "target": target, "metric": metric, "value": value + offset}
        for system, values in systems.items()
        for target, sdr in values.items()
        for number, value in enumerate(sdr)
        for metric, offset in (("SDR", 0.0), ("SIR", 50.0))
    ]
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(folder / "scores.csv", index=False)
    write_json(folder / "test.json", {"digest": digest})
    return folder
