"""The model card (Mitchell et al., 2019), written from the files of a training and its evaluations."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.core.data import score_tables
from components.core.data.evaluation import Evaluation, label_datasets
from components.core.data.manifest import read_manifest
from components.core.data.score_tables import (
    METRIC,
    METRICS,
    SDR_HIGH,
    SDR_LOW,
    SYSTEM,
    TARGET,
    TIMES_REAL_TIME,
    TRACK,
    TRACKS,
    VALUE,
)  # fmt: skip
from components.core.models.model_folder import Model
from components.core.models.start_model import StartModel
from components.core.sound.training_profile import PROFILE, Profile
from components.core.tracking.exported_run import ExportedRun
from components.export.training_record import TrainingRecord

START_LICENCE = "start"
"""The name, among the licences, of the terms of the model that a training started from."""

WEIGHTS_LICENCE = "weights"
"""The name, among the licences, of the terms of converted weights."""

_WEAKEST = 5
_PACKAGE_TAGS = ("package.torch", "package.museval", "package.stemline")

LICENCES: Mapping[str, str] = {
    "musdb18-7s": "MUSDB18's 7-second excerpts ('MUSDB18-7'): academic use only, parts CC BY-NC-SA",
    "musdb18": "MUSDB18: academic use only, parts CC BY-NC-SA",
    "musdb18-hq": "MUSDB18-HQ: academic use only, parts CC BY-NC-SA",
    "demo": "songs synthesised from a seed by this project: MIT",
    "folder": "the maker's own folder of multitracks: ask the maker",
}
"""The terms of each data set, which also bind a model that was trained on it."""


@dataclass(frozen=True)
class EvaluationResults:
    """The results of one `evaluate`: medians, scores of each track, speeds by system, and what was tested."""

    medians: pd.DataFrame
    tracks: pd.DataFrame
    speeds: Mapping[str, float]
    test: Evaluation

    @staticmethod
    def read(folder: Path) -> "EvaluationResults":
        """Read the results in `folder`; raises UserError when a file is missing or damaged."""
        speeds = score_tables.SPEEDS.read(folder).set_index(SYSTEM)[TIMES_REAL_TIME].to_dict()
        return EvaluationResults(
            score_tables.MEDIANS.read(folder),
            score_tables.SCORES.read(folder),
            {str(system): float(speed) for system, speed in speeds.items()},
            Evaluation.read(folder),
        )


def model_card(
    model: Model, training: TrainingRecord, scores: Sequence[EvaluationResults], data: Path, licences: Mapping[str, str]
) -> str:
    """Return the card as Markdown; `data` is the folder of the manifest that the model was trained from.

    The model is judged by the first of `scores`. `licences` holds the terms of data sets that LICENCES does not know.
    """
    parts = [
        _describe_model(model, training.run, licences),
        _describe_data(data, _drawn_datasets(model, training.run), {**LICENCES, **licences}),
        _describe_training(training),
        "## Scores",
        *(_describe_scores(evaluation) for evaluation in scores),
        _list_weakest_tracks(scores[0]),
        _describe_use(model, scores[0]),
    ]
    return "\n\n".join(parts) + "\n"


def converted_model_card(
    model: Model, scores: Sequence[EvaluationResults], profile: Profile | None, licences: Mapping[str, str]
) -> str:
    """Return the card of weights that others trained, as Markdown; the model is judged by the first of `scores`."""
    parts = [
        _describe_converted_model(model, licences) + _describe_profile(profile),
        "## Scores",
        *(_describe_scores(evaluation) for evaluation in scores),
        _list_weakest_tracks(scores[0]),
        _describe_use(model, scores[0]),
    ]
    return "\n\n".join(parts) + "\n"


def _describe_converted_model(model: Model, licences: Mapping[str, str]) -> str:
    kind = str(model.origin["converted_from"])
    options = "".join(
        f" --{name.replace('_', '-')} {value}" for name, value in sorted(model.origin.get("options", {}).items())
    )
    stored = " --stored fp16" if model.origin.get("stored") == "fp16" else ""
    files = (f"  - `{name}`: SHA-256 `{digest}`" for name, digest in sorted(model.origin["files"].items()))
    lines = [
        *_describe_network(model, f"{kind}, published weights"),
        f"- weights: SHA-256 `{model.digest}`",
        f"- made by `stemline convert {kind} SOURCE FOLDER{options}{stored}` from",
        *files,
        *_list_members(model),
        f"- terms: {licences.get(WEIGHTS_LICENCE, 'ask the maker of the weights')}",
        *_describe_stored_weights(model),
    ]
    return "\n".join(lines)


def _list_members(model: Model) -> list[str]:
    """Return a line for each member of an ensemble or a chain: the terms of all of them bind the model."""
    members = model.origin.get("members", ())
    lines = [f"  - `{member['model']}`: SHA-256 `{member['sha256']}`" for member in members]
    return ["- members, whose terms all bind this model:", *lines] if lines else []


def _describe_profile(profile: Profile | None) -> str:
    """Return a line about the music of the profile, which is not that of the weights' training."""
    if profile is None:
        return ""
    music = ", ".join(f"{group.tracks} tracks of {group.name}" for group in profile.groups)
    return (
        f"\n- `{PROFILE}`: the mixtures of {music}, because the music that the weights were trained on is not available"
    )


def _describe_network(model: Model, name: str) -> list[str]:
    weights = sum(parameter.numel() for parameter in model.separator.parameters())
    network = model.network.model_dump(mode="json")
    return [
        f"# Model card: {name}",
        f"Separates music into {' and '.join(model.targets)}; {model.rate} Hz, {model.channels} channels.",
        "",
        f"- network: `{network['name']}`, {weights / 1e6:.2f} million weights; `{json.dumps(network)}`",
    ]


def _describe_model(model: Model, run: ExportedRun, licences: Mapping[str, str]) -> str:
    lines = [
        *_describe_network(model, run.name),
        f"- weights: SHA-256 `{model.digest}`, step {model.origin['step']} of the training, averaged",
        f"- made by commit `{model.origin['git_commit']}` with the `params.yaml` and `dvc.lock` beside this card",
        f"- MLflow run `{run.run_id}`, written down in `{ExportedRun.FILE}`",
        *_describe_start(model, licences),
        *_describe_stored_weights(model),
    ]
    return "\n".join(lines)


def _describe_start(model: Model, licences: Mapping[str, str]) -> list[str]:
    """Return a line about the model that the training started from, if any."""
    start = StartModel.model_validate(model.origin.get("started_from", {}))
    terms = licences.get(START_LICENCE, "ask its maker")
    lines = [f"- the training started from `{start.address}` (weights `{start.sha256}`). Its terms: {terms}"]
    return lines if start.address else []


def _describe_stored_weights(model: Model) -> list[str]:
    rounded = model.origin.get("stored") == "fp16"
    return ["- weights on disk: fp16 for kernels, fp32 for norms and biases"] if rounded else []


def _drawn_datasets(model: Model, run: ExportedRun) -> set[str] | None:
    """Return the data sets that the training drew crops from; None for all, when a target names no shares."""
    shares = [name.split(".")[2:] for name in run.params if name.startswith("train.datasets.")]
    if {target for target, *_ in shares} != set(model.targets):
        return None
    return {".".join(dataset) for _, *dataset in shares}


def _describe_data(data: Path, drawn: Set[str] | None, licences: Mapping[str, str]) -> str:
    tracks = [
        track for track in read_manifest(data) if drawn is None or track.split != "train" or track.dataset in drawn
    ]
    lines = ["## Data", "", "| data set | training | validation | test | what it allows |", "|---|---|---|---|---|"]
    for dataset in sorted({track.dataset for track in tracks}):
        cells = " | ".join(
            _count_tracks([track.duration for track in tracks if (track.dataset, track.split) == (dataset, split)])
            for split in ("train", "validation", "test")
        )
        lines.append(f"| {dataset} | {cells} | {licences.get(dataset, 'unknown')} |")
    return "\n".join([*lines, "", "No artist is in two splits. The terms of its data bind the model."])


def _count_tracks(durations: list[float]) -> str:
    return f"{len(durations)} tracks, {sum(durations) / 60:.1f} min" if durations else "–"


def _describe_training(training: TrainingRecord) -> str:
    tags = training.run.tags
    packages = ", ".join(f"{name.removeprefix('package.')} {tags[name]}" for name in tags if name in _PACKAGE_TAGS)
    machine = tags.get("train.machine", "unknown hardware")
    return (
        f"## Training\n\n{training.minutes:.0f} minutes on {machine}, ended {training.last_day}, {training.speed:.0f} "
        f"seconds of audio a second; every parameter is in `params.yaml`. {packages}."
    )


def _describe_scores(scores: EvaluationResults) -> str:
    several = len(scores.test.tracks) > 1
    interval_note = ", with the 95 % interval of the median (bootstrap over tracks)" if several else ""
    lines = [
        f"{scores.test.scorer}, median over frames of {scores.test.window_seconds:g} s, then over "
        f"{_name_tracks(scores.test)}, in dB{interval_note}. No setting was chosen on these tracks.",
        "",
        "| system | target | SDR | SIR | SAR | ISR | times real time, 1 core |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in scores.medians.to_dict("records"):
        other_metrics = " | ".join(f"{row[metric]:.2f}" for metric in METRICS[1:])
        # the median of a single track has no interval; only a model's speed tells something
        interval = f" ({row[SDR_LOW]:.2f} to {row[SDR_HIGH]:.2f})" if row[TRACKS] > 1 else ""
        speed = f"{scores.speeds[row[SYSTEM]]:.1f}" if str(row[SYSTEM]).startswith("model") else "–"
        lines.append(f"| {row[SYSTEM]} | {row[TARGET]} | {row['SDR']:.2f}{interval} | {other_metrics} | {speed} |")
    return "\n".join(lines)


def _name_tracks(test: Evaluation) -> str:
    datasets = label_datasets(test.datasets)
    count = len(test.tracks)
    return f"{count} test tracks of {datasets}" if count > 1 else f"one test track, '{test.tracks[0]}' ({datasets})"


def _list_weakest_tracks(scores: EvaluationResults) -> str:
    rows = scores.tracks
    sdr = rows[(rows[SYSTEM] == "model") & (rows[METRIC] == "SDR")].dropna(subset=VALUE)
    lines = ["## Where it fails", "", "The weakest test tracks by the SDR of each target:", ""]
    for target, tracks in sdr.groupby(TARGET, sort=False):
        weakest = tracks.nsmallest(_WEAKEST, VALUE).to_dict("records")
        lines.append(f"- {target}: {', '.join(f'{row[TRACK]} ({row[VALUE]:.1f} dB)' for row in weakest)}")
    return "\n".join(lines)


def _describe_use(model: Model, scores: EvaluationResults) -> str:
    kilohertz = round(model.separator.band * model.rate / 2000, 1)
    speed = scores.speeds.get("model", float("nan"))
    return (
        "## Use\n\n"
        "The model separates finished recordings of songs into stems that add up to them, for listening, remixing, "
        "karaoke and research. Do not use it to identify singers, or as evidence of the words that were sung: it may "
        "leave out quiet voices, and may take for a voice what sounds like one (saxophone, lead guitar, synthesiser)."
        "\n\n"
        f"The network processes frequencies up to {kilohertz:g} kHz. Above this frequency, each stem gets the same "
        f"share of a frame as below it. On one core it separated {speed:.1f} seconds of these test tracks a second. "
        "Longer songs are faster, because a track shorter than a segment is padded to one. Its memory does not grow "
        "with the length of the recording."
    )
