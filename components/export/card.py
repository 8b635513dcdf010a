"""The model card (Mitchell et al., 2019), written from what the pipeline knows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from components.core.data.dataset_labels import label_datasets
from components.core.data.manifest import read_manifest
from components.core.data.metric_names import METRICS
from components.core.models.bundle import Model
from components.export.run import Run

_WORST = 5

LICENCES: Mapping[str, str] = {
    "musdb18-7s": "MUSDB18's 7-second excerpts ('MUSDB18-7'): academic use only, parts CC BY-NC-SA",
    "musdb18": "MUSDB18: academic use only, parts CC BY-NC-SA",
    "musdb18-hq": "MUSDB18-HQ: academic use only, parts CC BY-NC-SA",
    "demo": "songs synthesised from a seed by this project: MIT",
    "folder": "the maker's own folder of multitracks: ask the maker",
}
"""What a data set allows; a model inherits it."""


@dataclass(frozen=True)
class Scores:
    """What `evaluate` left: table.csv, scores.csv, speed.csv and test.json."""

    table: pd.DataFrame
    tracks: pd.DataFrame
    speed: Mapping[str, float]
    test: Mapping[str, Any]

    @staticmethod
    def read(folder: Path) -> "Scores":
        """Read the results in `folder`."""
        speed = pd.read_csv(folder / "speed.csv").set_index("system")["times_real_time"].to_dict()
        test = json.loads((folder / "test.json").read_text(encoding="utf-8"))
        table, tracks = pd.read_csv(folder / "table.csv"), pd.read_csv(folder / "scores.csv")
        return Scores(table, tracks, {str(name): float(value) for name, value in speed.items()}, test)


def model_card(model: Model, run: Run, scores: Sequence[Scores], data: Path, licences: Mapping[str, str]) -> str:
    """Return the card as Markdown; `data` is the folder of the manifest that the model was trained from.

    The first of `scores` is what the model is judged by; `licences` says of data sets what they are and
    allow, where LICENCES does not know it.
    """
    parts = [
        _head(model, run),
        _data(data, {**LICENCES, **licences}),
        _training(run),
        "## Scores",
        *(_scores(found) for found in scores),
        _weakest(scores[0]),
        _use(model, scores[0]),
    ]
    return "\n\n".join(parts) + "\n"


def _head(model: Model, run: Run) -> str:
    weights = sum(parameter.numel() for parameter in model.separator.parameters())
    network = model.network.model_dump(mode="json")
    lines = [
        f"# Model card: {run.name}",
        f"Separates music into {' and '.join(model.targets)}; {model.rate} Hz, {model.channels} channels.",
        f"- network: `{network['name']}`, {weights / 1e6:.2f} million weights; `{json.dumps(network)}`",
        f"- weights: SHA-256 `{model.digest}`, step {model.origin['step']} of the training, averaged",
        f"- made by commit `{model.origin['git_commit']}` with the `params.yaml` and `dvc.lock` beside this card",
        f"- MLflow run `{run.run_id}`, written down in `run.json`",
    ]
    return "\n".join([*lines[:2], "", *lines[2:]])


def _data(data: Path, licences: Mapping[str, str]) -> str:
    tracks = read_manifest(data)
    lines = ["## Data", "", "| data set | training | validation | test | what it allows |", "|---|---|---|---|---|"]
    for dataset in sorted({track.dataset for track in tracks}):
        cells = " | ".join(
            _amount([track.duration for track in tracks if (track.dataset, track.split) == (dataset, split)])
            for split in ("train", "validation", "test")
        )
        lines.append(f"| {dataset} | {cells} | {licences.get(dataset, 'unknown')} |")
    return "\n".join([*lines, "", "No artist is in two splits. The model is bound by what its data allow."])


def _amount(durations: list[float]) -> str:
    return f"{len(durations)} tracks, {sum(durations) / 60:.1f} min" if durations else "–"


def _training(run: Run) -> str:
    packages = ", ".join(f"{name.removeprefix('package.')} {run.tags[name]}" for name in run.tags if _is_package(name))
    machine = run.tags.get("train.machine", "unknown hardware")
    return (
        f"## Training\n\n{run.minutes:.0f} minutes on {machine}, ended {run.finished}, {run.last_speed:.0f} seconds of "
        f"audio a second; every parameter is in `params.yaml`. {packages}."
    )


def _is_package(tag: str) -> bool:
    return tag in ("package.torch", "package.museval", "package.stemline")


def _scores(scores: Scores) -> str:
    tested = _tested(scores.test)
    scorer = scores.test.get("scorer", "museval v4")
    lines = [
        f"{scorer}, median over frames of {scores.test['window_seconds']:g} s, then over {tested}, in dB, "
        "with the 95 % interval of the median (bootstrap over tracks). Nothing was chosen by these tracks.",
        "",
        "| system | target | SDR | SIR | SAR | ISR | times real time, 1 core |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in scores.table.to_dict("records"):
        others = " | ".join(f"{row[metric]:.2f}" for metric in METRICS[1:])
        # a single track has no interval, and of what knows the answer nobody wants the speed
        interval = f" ({row['SDR_low']:.2f} to {row['SDR_high']:.2f})" if row["tracks"] > 1 else ""
        speed = f"{scores.speed[row['system']]:.1f}" if str(row["system"]).startswith("model") else "–"
        lines.append(f"| {row['system']} | {row['target']} | {row['SDR']:.2f}{interval} | {others} | {speed} |")
    return "\n".join(lines)


def _tested(test: Mapping[str, Any]) -> str:
    names = label_datasets(test["datasets"])
    count = len(test["tracks"])
    return f"{count} test tracks of {names}" if count > 1 else f"one test track, '{test['tracks'][0]}' ({names})"


def _weakest(scores: Scores) -> str:
    rows = scores.tracks
    sdr = rows[(rows["system"] == "model") & (rows["metric"] == "SDR")].dropna(subset="value")
    lines = ["## Where it fails", "", "The weakest test tracks by the SDR of each target:", ""]
    for target, of_target in sdr.groupby("target", sort=False):
        worst = of_target.nsmallest(_WORST, "value")
        named = ", ".join(f"{row['track']} ({row['value']:.1f} dB)" for row in worst.to_dict("records"))
        lines.append(f"- {target}: {named}")
    return "\n".join(lines)


def _use(model: Model, scores: Scores) -> str:
    seen = round(model.separator.band * model.rate / 2000, 1)
    speed = scores.speed.get("model", float("nan"))
    return (
        "## Use\n\n"
        "For separating finished recordings of songs into stems that add up to them: for listening, remixing, karaoke "
        "and research. Not for telling who sings, and not as evidence of what was sung: what is quiet may be left "
        "out, and what sounds like a voice (saxophone, lead guitar, synthesiser) may be taken for one.\n\n"
        f"The network sees frequencies up to {seen:g} kHz; above, each stem gets of every frame the share that it has "
        f"of the octave below. On one core it separates {speed:.1f} seconds of music a second, in memory that does "
        "not grow with the recording."
    )
